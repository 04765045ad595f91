# SPDX-License-Identifier: GPL-2.0
# For folders whose programs drive the card: the library, and the ABI headers. Included
# instead of lib.mk. BVF_INC= names the headers where they are not beside the tests, as in a
# kernel tree; without them nothing is built.

BVF_INC	?= $(wildcard $(CURDIR)/../../kmod/include/hw)
ifeq ($(BVF_INC),)
$(info $(notdir $(CURDIR)): no bvf_admin.h, nothing is built; set BVF_INC)
TEST_GEN_PROGS :=
TEST_GEN_FILES :=
endif

include $(firstword $(wildcard ../../lib.mk) ../lib.mk)

BVF_LIB_SRC := $(wildcard ../lib/*.c)
BVF_LIB_OBJ := $(BVF_LIB_SRC:../lib/%.c=$(OUTPUT)/lib/%.o)
BVF_LIB	:= $(OUTPUT)/lib/libbvf.a
EXTRA_CLEAN += $(OUTPUT)/lib
# the kernel's lib.mk compiles all that a program depends on, but these
LOCAL_HDRS += $(wildcard ../lib/*.h *.h)

override CFLAGS += -std=gnu11 -D_GNU_SOURCE= -O2 -g -Wall -Wextra -Werror -I../lib -I$(BVF_INC) \
	-fno-strict-aliasing -DBVF_CARD_DEFAULT='"$(abspath $(CURDIR)/../../build/card-asan/bvf-card)"'
override LDLIBS += -lpthread

$(OUTPUT)/lib/%.o: ../lib/%.c $(wildcard ../lib/*.h $(BVF_INC)/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(BVF_LIB): $(BVF_LIB_OBJ)
	$(RM) $@
	$(AR) rcs $@ $^

$(TEST_GEN_PROGS) $(TEST_GEN_FILES): $(BVF_LIB) $(wildcard ../lib/*.h *.h)

# SPDX-License-Identifier: GPL-2.0
# What a test folder includes last: builds TEST_GEN_PROGS and TEST_GEN_FILES, runs
# TEST_GEN_PROGS and TEST_PROGS. The subset of the kernel's lib.mk that is used here;
# in a kernel tree the folders include the kernel's (see their Makefiles).

OUTPUT	?= $(or $(O),$(abspath $(CURDIR)/../../build/selftests)/$(notdir $(CURDIR)))
CC	?= gcc
CFLAGS	+= -O2 -g -std=gnu11 -D_GNU_SOURCE= -Wall -Wextra

override TEST_GEN_PROGS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
override TEST_GEN_FILES := $(addprefix $(OUTPUT)/,$(TEST_GEN_FILES))

all: $(TEST_GEN_PROGS) $(TEST_GEN_FILES)

# One line a program, KTAP: exit code 4 is a skip. The output of each is shown as it comes.
run_tests: all
	@n=0; bad=0; echo "TAP version 13"; \
	for t in $(abspath $(TEST_GEN_PROGS)) $(abspath $(TEST_PROGS)); do \
		n=$$((n + 1)); name=$(notdir $(CURDIR)):$$(basename $$t); \
		echo "# selftests: $$name"; \
		$$t 2>&1 | sed "s,^,# ,"; rc=$${PIPESTATUS[0]}; \
		case $$rc in \
		0) echo "ok $$n selftests: $$name";; \
		4) echo "ok $$n selftests: $$name # SKIP";; \
		*) echo "not ok $$n selftests: $$name # exit=$$rc"; bad=1;; \
		esac; \
	done; echo "1..$$n"; exit $$bad

run_tests: SHELL := /bin/bash

$(OUTPUT)/%: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(filter %.c %.o %.a,$^) $(LDLIBS) -o $@

clean:
	$(RM) -r $(TEST_GEN_PROGS) $(TEST_GEN_FILES) $(EXTRA_CLEAN)

.PHONY: all run_tests clean

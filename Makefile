# SPDX-License-Identifier: GPL-2.0
# Dispatch only: what is built where is in the folders' own Makefiles, what it is built
# with in tools/lab. `make help` lists the targets.

B	:= $(CURDIR)/build
LAB	:= tools/lab
IN_ROOT	:= $(LAB)/in-root
JOBS	:= $(shell nproc)
PREFIX	?= /usr/local
export MIRROR

# Folders of tests whose programs run on this host, and in a guest.
HOST_TESTS	:= $(filter abi src dp card tools perf,$(notdir $(patsubst %/Makefile,%,$(wildcard selftests/*/Makefile))))
GUEST_TESTS	:= $(filter verbs kmod net vm,$(notdir $(patsubst %/Makefile,%,$(wildcard selftests/*/Makefile))))

help:
	@sed -n 's/^#: //p' Makefile

#: make demo          set up and build what is needed, start two VMs, run the main job
#: make check         the same set-up, then every test; last line: N passed, N failed, N skipped
#: make bench         figures beside their baselines, about 4 minutes
#: make all           build everything
#: make card          the card, with the host's compiler
#: make kmod          the modules for the lab's kernels; KDIR=<headers>: for one of yours
#: make provider      the rdma-core provider; RDMA_CORE_SRC=<tree>: for your own rdma-core
#: make tools         bvfctl and bvf-allreduce
#: make selftests     the tests' programs
#: make lab           what VMs and builds need: private root, guest image (once, about 3 minutes)
#: make install       card, tools and provider; DESTDIR=, PREFIX=; also: uninstall
#: make clean         remove what was built; VMs that run are ended
#: make distclean     remove the private root and images too
#: MIRROR=<address>   another Debian archive than the host's apt uses

all: lab card tools kmod provider selftests

lab:
	@$(LAB)/setup

card:
	@echo "building: card"
	@$(MAKE) -s -j$(JOBS) -C tools/card O=$(B)/card

card-asan:
	@echo "building: card with sanitizers, for the tests"
	@$(MAKE) -s -j$(JOBS) -C tools/card O=$(B)/card-asan SAN=1

ifdef KDIR
kmod:
	@$(MAKE) -s -C kmod KDIR=$(KDIR)
else
kmod: lab
	@for k in $$(cat $(B)/lab/kernels.txt); do \
		echo "building: modules for Linux $$k (about 15 s)"; \
		$(IN_ROOT) make -s -j$(JOBS) -C kmod KDIR=/lib/modules/$$k/build O=$(B)/kmod-$$k || exit 1; \
	done
endif

ifdef RDMA_CORE_SRC
provider:
	@$(MAKE) -s -C providers O=$(B)/provider-own RDMA_CORE_SRC=$(RDMA_CORE_SRC)
else
provider: lab
	@echo "building: provider (about 20 s)"
	@$(IN_ROOT) make -s -C providers O=$(B)/provider RDMA_CORE_SRC=$(B)/lab/rdma-core-56 > $(B)/provider.log 2>&1 || \
		{ tail -30 $(B)/provider.log >&2; exit 1; }
endif

tools: lab host-tools
	@echo "building: tools"
	@$(IN_ROOT) make -s -j$(JOBS) -C tools/allreduce O=$(B)/guest/bin RDMA=1

host-tools:
	@$(MAKE) -s -j$(JOBS) -C tools/bvfctl O=$(B)/tools
	@$(MAKE) -s -j$(JOBS) -C tools/allreduce O=$(B)/tools RDMA=0

selftests: host-tests guest-tests

host-tests: card
	@echo "building: tests that run on this host"
	@for d in $(HOST_TESTS); do \
		$(MAKE) -s -j$(JOBS) -C selftests/$$d OUTPUT=$(B)/selftests/$$d || exit 1; \
	done

guest-tests: lab
	@echo "building: tests that run in guests"
	@for d in $(GUEST_TESTS); do \
		$(IN_ROOT) make -s -j$(JOBS) -C selftests/$$d OUTPUT=$(B)/selftests/$$d || exit 1; \
	done

demo: lab card tools kmod provider
	@$(LAB)/demo.sh

check: all card-asan
	@selftests/run.sh

bench: all
	@selftests/perf/bench.sh

# A provider fits one release of rdma-core: one's own, if there is one, else the lab's.
OWN	:= $(wildcard $(B)/provider-own)

install uninstall:
	@$(MAKE) -s -C tools/card $@ O=$(B)/card PREFIX=$(PREFIX)
	@$(MAKE) -s -C tools/bvfctl $@ O=$(B)/tools PREFIX=$(PREFIX)
	@$(MAKE) -s -C tools/allreduce $@ O=$(B)/tools PREFIX=$(PREFIX)
	@if [ $@ = install ] && [ ! -d $(or $(OWN),$(B)/provider) ]; then \
		echo "no provider is built, so none was installed; see: make provider"; \
	else \
		$(MAKE) -s -C providers $@ O=$(or $(OWN),$(B)/provider); \
	fi

clean:
	@$(LAB)/bvf-lab down
	@cd $(B) 2> /dev/null && rm -rf -- $$(ls | grep -vx lab) || true

distclean: clean
	@rm -rf --one-file-system $(B)

# The set-up brings the compilers the other targets need, so they have an order; each
# folder's own make runs in parallel.
.NOTPARALLEL:

.PHONY: help all lab card card-asan kmod provider tools host-tools selftests host-tests guest-tests \
	demo check bench install uninstall clean distclean

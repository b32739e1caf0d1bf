# SPDX-License-Identifier: GPL-2.0-only
# sensorctl: build, check, demo. `make help` lists the targets.

PREFIX	?= /usr/local
DESTDIR	?=
BUILD	?= build
CLANG	?= clang-19
FORMAT	?= clang-format-19
CC	?= cc
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V	?= 0
ifeq ($(V),0)
Q	:= @
say	= @printf '  %-8s %s\n' $(1) $(2)
else
Q	:=
say	=
endif
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif

VERSION	:= 0.1.0
WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wmissing-prototypes -Wstrict-prototypes
CFLAGS	?= -O2 -g

# SANITIZE=1 builds the same with clang's sanitizers, beside the normal build; the fuzzers exist only there.
ifdef SANITIZE
override BUILD := $(BUILD)/san
CC	:= $(CLANG)
WARN	:= -Wall -Wextra
CFLAGS	:= -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
LDFLAGS	+= -fsanitize=address,undefined
endif

CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) -I. -I$(BUILD) -DVERSION='"$(VERSION)"' -DDATADIR='"$(PREFIX)/share/sensorctl"' -MMD -MP
PKGS	:= libbpf libxdp libelf zlib libnl-route-3.0 libmnl libfyaml jansson libpcap libsystemd
LIBS	= $(shell pkg-config --libs $(PKGS)) -lm -lpthread
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
BPFFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-function -Wno-missing-declarations -I. -I/usr/include/$(shell gcc -print-multiarch 2>/dev/null) -MMD -MP

BPF_OBJS := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard xdp/*.bpf.c tc/*.bpf.c))
SKELS	:= $(BPF_OBJS:.bpf.o=.skel.h)
CORE_SRC := $(filter-out ctl/main.c,$(wildcard ctl/*.c ctl/profile/*.c xdp/*.c xdp/stream/*.c))
CORE_SRC := $(filter-out %.bpf.c,$(CORE_SRC))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
CORE_LIB := $(BUILD)/libcore.a
EMULATE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard netns-lab/emulate/*.c))
SINK_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard netns-lab/sink/*.c))

# What sets up first, or needs nothing, may run without the packages; everything else says what is missing.
UNBUILT	:= help clean check check-vm check-long demo bench fuzz format format-check
ifneq ($(filter-out $(UNBUILT),$(or $(MAKECMDGOALS),all)),)
READY	:= $(shell pkg-config --exists $(PKGS) && command -v $(CLANG) $(BPFTOOL) >/dev/null && echo yes)
ifneq ($(READY),yes)
$(error $(or $(shell netns-lab/setup --check build 2>&1),pkg-config does not find all of $(PKGS)))
endif
endif

.DEFAULT_GOAL := all
.PHONY: all
all: $(BUILD)/sensorctl $(if $(EMULATE_OBJ),$(BUILD)/emulate) $(if $(SINK_OBJ),$(BUILD)/sink)	## build everything

$(BUILD)/sensorctl: $(BUILD)/ctl/main.o $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(CORE_LIB): $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/emulate: $(EMULATE_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/sink: $(SINK_OBJ) $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c | $(SKELS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(PKG_CFLAGS) -c -o $@ $<

$(BUILD)/%.bpf.o: %.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

.SECONDARY: $(BPF_OBJS) $(SKELS)
$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$(notdir $*))_bpf > $@

# What tests and benchmarks share
TEST_LIB := $(BUILD)/libtests.a
$(TEST_LIB): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Unit tests: one program each, linked with everything but main.
UNIT	:= $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/prog/*_test.c))
$(UNIT): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# Fuzzers likewise, with libFuzzer's main.
FUZZERS	:= $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))
$(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# BPF programs that only tests load
TEST_BPF := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/*/*.bpf.c))
# One has a mistake in it, made on purpose: the test of the swap fails unless it is found.
$(BUILD)/tests/prog/swap_test.o: $(BUILD)/tests/prog/broken.skel.h

# Benchmarks: like unit tests, without cmocka. One needs a BPF program in front of ours.
$(BUILD)/tests/bench/program_bench.o: $(BUILD)/tests/bench/step.skel.h
BENCH	:= $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*_bench.c))
$(BENCH): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: tests sanitized fuzz
tests: all $(UNIT) $(TEST_BPF) $(BENCH)		## build the test programs too
sanitized:				## unit tests and fuzzers with sanitizers, in build/san
	$(Q)$(MAKE) SANITIZE=1 sanitized-programs

.PHONY: sanitized-programs
sanitized-programs: $(filter $(BUILD)/tests/unit/%,$(UNIT)) $(FUZZERS)
	@:

fuzz:					## run each fuzzer for FUZZ_SECONDS (20)
	$(Q)netns-lab/setup build check
	$(Q)$(MAKE) sanitized
	$(Q)tests/run $(FUZZERS:$(BUILD)/%=$(BUILD)/san/%)

.PHONY: check check-vm check-long demo bench
check:					## (root) set up, build, all tests; here and in a Debian 13 root
	$(Q)netns-lab/setup build check
	$(Q)$(MAKE) tests WERROR=1
	$(Q)$(MAKE) sanitized
	$(Q)tests/check host

check-vm:				## (root) the tests that need a newer kernel, in a virtual machine
	$(Q)netns-lab/setup build check vm
	$(Q)$(MAKE) tests
	$(Q)tests/check vm

check-long:				## (root) longer fuzz and random runs
	$(Q)netns-lab/setup build check
	$(Q)$(MAKE) tests
	$(Q)$(MAKE) sanitized
	$(Q)tests/check long

demo:					## (root) set up, build, and show what it does for a LiDAR under load
	$(Q)netns-lab/setup build demo
	$(Q)$(MAKE) all
	$(Q)netns-lab/demo

bench:					## (root) speed beside its peers, as a table and JSON
	$(Q)netns-lab/setup build check
	$(Q)$(MAKE) tests
	$(Q)tests/bench/run

C_FILES	= $(or $(shell git ls-files '*.c' '*.h' 2>/dev/null),$(shell find . -path ./build -prune -o -name '*.[ch]' -print))
.PHONY: format format-check
format:					## apply .clang-format
	$(Q)$(FORMAT) -i $(C_FILES)

format-check:				## tell which files are not formatted so
	$(Q)$(FORMAT) --dry-run --Werror $(C_FILES)

# Man pages are written in scdoc: docs/NAME.SECTION.scd.
MAN	:= $(patsubst docs/%.scd,$(BUILD)/docs/%,$(wildcard docs/*.scd))
$(MAN): $(BUILD)/docs/%: docs/%.scd
	$(call say,MAN,$<)
	@mkdir -p $(@D)
	$(Q)scdoc <$< >$@

SHARE	= $(DESTDIR)$(PREFIX)/share
.PHONY: install
install: all $(MAN)			## install under DESTDIR and PREFIX (/usr/local)
	$(Q)install -D -m 755 $(BUILD)/sensorctl $(DESTDIR)$(PREFIX)/bin/sensorctl
	$(Q)install -d $(SHARE)/sensorctl/profiles/protocols $(SHARE)/bash-completion/completions
	$(Q)install -m 644 $(wildcard profiles/*.yaml) $(SHARE)/sensorctl/profiles
	$(Q)install -m 644 $(wildcard profiles/protocols/*.yaml) $(SHARE)/sensorctl/profiles/protocols
	$(Q)$(BUILD)/sensorctl completion bash >$(SHARE)/bash-completion/completions/sensorctl
	$(Q)$(foreach page,$(MAN),install -D -m 644 $(page) \
		$(SHARE)/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)) &&) true

.PHONY: clean help
clean:					## remove the build directory
	$(Q)rm -rf $(BUILD)

help:					## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | sort | \
		awk -F'\t' '{printf "  %-13s %s\n", $$1, $$2}'
	@echo "Variables: V=1 shows the commands, PREFIX, DESTDIR, BUILD, SANITIZE=1, FUZZ_SECONDS, SENSOR_CAPTURES."

-include $(shell find $(BUILD) -path $(BUILD)/san -prune -o -name '*.d' -print 2>/dev/null)

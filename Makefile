# SPDX-License-Identifier: GPL-2.0-only
# sensorctl: build, check, demo. `make help` lists the targets.

PREFIX	?= /usr/local
DESTDIR	?=
BUILD	?= build
CLANG	?= clang-19
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

VERSION	:= 0.1.0
WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wmissing-prototypes -Wstrict-prototypes
CFLAGS	?= -O2 -g
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -I$(BUILD) -DVERSION='"$(VERSION)"' -DDATADIR='"$(PREFIX)/share/sensorctl"' -MMD -MP
PKGS	:= libbpf libxdp libelf zlib libnl-route-3.0 libmnl libfyaml jansson libpcap libsystemd
LIBS	= $(shell pkg-config --libs $(PKGS)) -lm -lpthread
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
BPFFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-function -Wno-missing-declarations -I. -I/usr/include/$(shell $(CC) -print-multiarch) -MMD -MP

BPF_OBJS := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard xdp/*.bpf.c tc/*.bpf.c))
SKELS	:= $(BPF_OBJS:.bpf.o=.skel.h)
CORE_SRC := $(filter-out ctl/main.c,$(wildcard ctl/*.c ctl/profile/*.c xdp/*.c xdp/stream/*.c))
CORE_SRC := $(filter-out %.bpf.c,$(CORE_SRC))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
CORE_LIB := $(BUILD)/libcore.a
EMULATE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard netns-lab/emulate/*.c))
SINK_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard netns-lab/sink/*.c))

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

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$(notdir $*))_bpf > $@

# Unit tests: one program each, linked with everything but main.
UNIT	:= $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/prog/*_test.c))
$(UNIT): $(BUILD)/%: $(BUILD)/%.o $(CORE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

.PHONY: tests
tests: all $(UNIT)

.PHONY: clean help
clean:					## remove the build directory
	$(Q)rm -rf $(BUILD)

help:					## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | sort | awk -F: '{printf "  %-12s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

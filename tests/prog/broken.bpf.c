// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP program with a mistake made on purpose: it looks the active image up a second time
 * between classification and delivery, so a swap in between judges a packet by two profiles.
 */
#define SWAP_BROKEN
#include "../../xdp/sensor.bpf.c"

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same data path as a program in a libxdp dispatcher. What takes the place of a function that
 * leaves the packet alone has to leave it alone, too, so no metadata goes in front of frames.
 */
#define WITHOUT_META
#include "sensor.bpf.c"

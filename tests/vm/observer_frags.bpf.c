// SPDX-License-Identifier: GPL-2.0-only
/* The same for frames of more than a page. */
#define OBSERVER_SECTION "xdp.frags"
#include "observer.bpf.c"

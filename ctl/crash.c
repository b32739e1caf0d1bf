// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *const steps[CRASH_STEPS] = {
	[CRASH_STAGED] = "staged",
	[CRASH_LOADED] = "loaded",
	[CRASH_MAPS_PINNED] = "maps-pinned",
	[CRASH_REPLACED] = "replaced",
	[CRASH_LINKED] = "linked",
	[CRASH_LINK_PINNED] = "link-pinned",
	[CRASH_ATTACHED] = "attached",
	[CRASH_ZEROED] = "zeroed",
	[CRASH_NAMED] = "named",
	[CRASH_PENDING] = "pending",
	[CRASH_FILLED] = "filled",
	[CRASH_SWAPPED] = "swapped",
	[CRASH_CONFIRMING] = "confirming",
	[CRASH_RETIRED] = "retired",
	[CRASH_UNLINKED] = "unlinked",
};

void crash_here(enum crash_step step)
{
	const char *wanted = getenv("SENSORCTL_CRASH");

	if (wanted && !strcmp(wanted, steps[step]))
		raise(SIGKILL);
}

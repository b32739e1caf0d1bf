// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/capability.h"

#include <linux/capability.h>
#include <stdio.h>

static unsigned long long effective(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long mask = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &mask) == 1)
			break;
	if (status)
		fclose(status);
	return mask;
}

bool capability_suffices(void)
{
	/* The latter is CAP_BPF and CAP_PERFMON, too; only it opens maps and programs by id. */
	unsigned long long needed = 1ull << CAP_NET_ADMIN | 1ull << CAP_SYS_ADMIN;

	return (effective() & needed) == needed;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Past the stack by lease and credit only: tests/lib/leases.c. */
#include "tests/lib/deliveries.h"

int main(void)
{
	return leases_run("leases through the loaded program", true);
}

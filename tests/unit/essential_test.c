// SPDX-License-Identifier: GPL-2.0-only
/* Essentials pass, unless the profile says otherwise: tests/lib/essentials.c. */
#include "tests/lib/deliveries.h"

int main(void)
{
	return essentials_run("essentials over plain memory", false);
}

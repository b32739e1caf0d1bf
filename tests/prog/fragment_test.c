// SPDX-License-Identifier: GPL-2.0-only
/* Fragments follow their first one's decision: tests/lib/fragments.c. */
#include "tests/lib/fragments.h"

int main(void)
{
	return fragments_run("fragments through the loaded program", true);
}

// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/json.h"

#include <errno.h>
#include <stdio.h>

int json_print(json_t *document, bool one_line)
{
	size_t flags = JSON_PRESERVE_ORDER | (one_line ? 0 : JSON_INDENT(2));
	int result;

	if (!document)
		return -ENOMEM;
	result = json_dumpf(document, stdout, flags);
	json_decref(document);
	if (result || putchar('\n') == EOF || fflush(stdout))
		return -EIO;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *error, int result, int code, const char *hint, const char *format, ...)
{
	va_list list;

	if (!error)
		return result;
	error->code = code;
	snprintf(error->hint, sizeof(error->hint), "%s", hint ? hint : "");
	va_start(list, format);
	vsnprintf(error->message, sizeof(error->message), format, list);
	va_end(list);
	return result;
}

// SPDX-License-Identifier: GPL-2.0-only
/* How a verb says what went wrong. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/error.h"
#include "ctl/json.h"
#include "ctl/verb.h"

/* A sentence's end, unless it has one. */
static const char *stop(const char *text)
{
	size_t length = strlen(text);

	return length && strchr(".?!", text[length - 1]) ? "" : ".";
}

int fail(const struct invocation *invocation, enum exit_code code, const char *hint,
	 const char *format, ...)
{
	const char *verb = invocation->verb ? invocation->verb->name : NULL;
	bool advise = hint && *hint;
	char message[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	fflush(stdout);
	fprintf(stderr, "sensorctl: %s%s%s%s%s%s%s\n", verb ? verb : "", verb ? ": " : "", message,
		stop(message), advise ? " " : "", advise ? hint : "", advise ? stop(hint) : "");
	if (invocation->globals->json)
		json_print(json_pack("{s:{s:s, s:i, s:s?}}", "error", "message", message, "code",
				     (int)code, "hint", advise ? hint : NULL),
			   false);
	return code;
}

int fail_error(const struct invocation *invocation, const struct error *error)
{
	return fail(invocation, error->code ? (enum exit_code)error->code : FAILED, error->hint,
		    "%s", error->message);
}

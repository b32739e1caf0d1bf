// SPDX-License-Identifier: GPL-2.0-only
/* The verbs, in the order of --help: one line each. */
#include "ctl/verb.h"

#define VERBS(VERB)      \
	VERB(attach)     \
	VERB(swap)       \
	VERB(confirm)    \
	VERB(detach)     \
	VERB(status)     \
	VERB(stats)      \
	VERB(profile)    \
	VERB(explain)    \
	VERB(serve)      \
	VERB(streams)    \
	VERB(record)     \
	VERB(completion) \
	/* end of the table */

#define DECLARE(name) extern const struct verb verb_##name;
#define ENTRY(name)   &verb_##name,

VERBS(DECLARE)

const struct verb *const verbs[] = { VERBS(ENTRY) NULL };

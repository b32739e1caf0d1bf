/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Profiles: from YAML (a file, its includes and the protocols it names) to a checked model, and
 * from the model to the image that the data path reads. No function here prints.
 */
#ifndef SENSORCTL_PROFILE_H
#define SENSORCTL_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "xdp/image.h"

struct profile;

/* One thing that is wrong (or odd) at one place of a file. Strings are never NULL. */
struct diagnostic {
	char *file;
	int line, column; /* from 1; 0: the file as a whole */
	char *key;	  /* where in the document: streams[0].match.source */
	char *message;
	char *expected;	  /* "" when there is nothing to add */
	char *suggestion; /* what was probably meant, or "" */
	char *excerpt;	  /* the line and below it a line with carets, or "" */
	bool warning;
};

/* Start with all zero; diagnostics_free() releases what was added. */
struct diagnostics {
	struct diagnostic *items;
	size_t count;
	size_t errors;
	size_t dropped; /* beyond the first thousand */
};

void diagnostics_free(struct diagnostics *d);
void diagnostics_print(const struct diagnostics *d, FILE *out);
/* {"errors": [...], "warnings": [...]} */
json_t *diagnostics_json(const struct diagnostics *d);

/*
 * Loads and checks a profile. A FILE has a slash or ends in .yaml; a NAME is looked up as NAME.yaml
 * in the directories of profile_path (DIR[:DIR], may be NULL), then among the installed profiles,
 * then, for a program that runs from its build directory, in the source tree.
 *
 * Returns 0 (there may be warnings), -ENOENT, -EACCES or another -errno when the
 * profile itself could not be read, -EINVAL when it is wrong. Whatever failed stands in d.
 */
int profile_load(const char *name_or_file, const char *profile_path, struct profile **out,
		 struct diagnostics *d);

/* The same for text in memory, called `file` in diagnostics; reads no file at all. */
int profile_parse_text(const char *text, size_t length, const char *file, struct profile **out,
		       struct diagnostics *d);
void profile_free(struct profile *profile);

/*
 * Fills *image, all of it: stream ids are the streams' indexes, generation is 0. Returns 0, or
 * -EINVAL with the reason in d.
 */
int profile_compile(const struct profile *profile, struct profile_image *image,
		    struct diagnostics *d);

const char *profile_name(const struct profile *profile);
const char *profile_description(const struct profile *profile);

/* The profile as one self-contained YAML text: includes merged, protocols embedded. To be freed. */
char *profile_yaml(const struct profile *profile);

/* The same text, out of an image. Returns 0 or -errno. */
int profile_source(const struct profile_image *image, char **yaml);

/*
 * Calls each() for every profile that a NAME would find, the one that wins only. `description` is
 * "" where the file can't be read. Returns 0 or what each() returned.
 */
int profile_each(const char *profile_path,
		 int (*each)(const char *name, const char *description, const char *file,
			     void *context),
		 void *context);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The checked model of a profile. Everything lives in its arena. */
#ifndef SENSORCTL_MODEL_H
#define SENSORCTL_MODEL_H

#include "ctl/profile/match.h"
#include "ctl/profile/profile.h"

/* A number inside the payload, as written. */
struct field {
	const struct node *node; /* NULL: there is none */
	uint32_t offset;
	uint32_t width; /* bits: 8, 16, 24, 32, 64 */
	bool big_endian;
};

/* Bits inside the payload. */
struct bits {
	const struct node *node; /* NULL: there are none */
	uint32_t offset;
	size_t count;
	uint8_t mask[8], value[8];
};

struct samples {
	const struct node *node; /* NULL: not written */
	bool none;
	struct field wrap, id, index;
	struct bits marker;
	uint64_t modulus; /* of wrap; 0: not known */
	uint64_t step;	  /* of id; 0: any */
	uint32_t packets; /* 0: not known */
};

struct protocol_model {
	const struct node *node;
	const char *name, *description;
	bool wrong; /* has errors of its own */
	struct match match;
	struct field sequence;
	struct field per;
	uint64_t step, modulus, first; /* modulus 0: 2^64 */
	bool has_skip;
	uint64_t skip;
	struct samples samples;
	struct field timestamp;
	uint64_t unit_ns, timestamp_modulus; /* in units; 0: 2^64 */
	double gap_above;		     /* 0: no loss by time */
	struct bits resent;
	struct field key[2];
	unsigned int keys;
	double packet_rate, sample_rate; /* 0: not known */
};

struct rate {
	const struct node *node; /* NULL: no limit */
	const struct node *burst_node;
	double rate;  /* bits or packets a second */
	double burst; /* bytes or packets */
	bool packets;
};

struct stream_model {
	const struct node *node;
	const char *name;
	const struct protocol_model *protocol; /* may be NULL */
	struct match match;		       /* over the protocol's */
	struct samples samples;		       /* the protocol's, or its own */
	enum image_class class;
	enum image_deliver deliver;
	uint64_t stale_after_ns, lease_ns;
	const struct node *lease_node;
	bool precise;
	bool by_sample;			/* shed: sample */
	uint32_t keep_over, keep_under; /* keep: over/under; 0: not thinned */
	struct rate rate;
};

struct class_model {
	struct rate rate;
	unsigned int shed_at;
};

struct profile {
	struct arena arena;
	const struct node *root; /* the merged document */
	const char *name, *description;
	struct stream_model *stream;
	size_t streams;
	struct protocol_model **protocol;
	size_t protocols, protocol_room;
	struct class_model class[CLASSES];
	uint32_t essential_drop;
	enum image_class default_class;
	enum image_deliver default_deliver;
};

/* Where names are looked up while a profile is loaded. */
struct loader {
	struct arena *arena;
	struct diagnostics *d;
	const char *profile_path;
	bool files;	    /* false: text in memory only */
	const char *beside; /* directory of the profile file, or NULL */
};

extern const char *const class_words[];

/* protocol.c */
struct protocol_model *protocol_parse(struct loader *loader, const struct node *node);
int samples_parse(struct diagnostics *d, const struct node *node, struct samples *out);
/* Samples and sequence fit together; reported at `node`. */
int samples_check(struct diagnostics *d, const struct node *node, const struct samples *samples,
		  const struct protocol_model *protocol);

/* find.c: a file's name in the arena, or NULL. */
const char *find_profile(const struct loader *loader, const char *name);
const char *find_protocol(const struct loader *loader, const char *name);
/* The file's document has this key, or the file can't be used at all. */
bool file_is(struct arena *arena, const char *file, const char *kind);
/* All names that could have been meant, ends with NULL. */
const char *const *list_profiles(const struct loader *loader);
const char *const *list_protocols(const struct loader *loader);

/* merge.c: the document with its includes merged. NULL with diagnostics. */
struct node *profile_merge(struct loader *loader, const struct node *root);

/* check.c: the model of a merged document. Returns 0 or -EINVAL. */
int profile_check(struct profile *profile, struct loader *loader);

/* stream.c */
int stream_parse(struct profile *profile, struct loader *loader, const struct node *node,
		 struct stream_model *stream);
int rate_parse(struct diagnostics *d, const struct node *node, struct rate *rate);
struct protocol_model *protocol_find(struct profile *profile, struct loader *loader,
				     const struct node *name);

/* compile.c and what it calls */
void compile_tables(struct profile_image *image, const struct profile *profile,
		    struct diagnostics *d);
void compile_stream(struct profile_image *image, size_t index, const struct profile *profile,
		    struct diagnostics *d);
void compile_loads(const struct profile *profile, const struct profile_image *image,
		   struct diagnostics *d);
struct image_bucket compile_bucket(const struct rate *rate, bool precise, struct diagnostics *d);
uint64_t coarse_tick_ns(void);

#endif

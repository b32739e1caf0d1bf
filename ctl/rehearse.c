// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/rehearse.h"

#include <jansson.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "ctl/capture.h"
#include "ctl/json.h"
#include "ctl/names.h"
#include "xdp/plain.h"

/* How many packets of a capture go from one verdict to another. */
struct comparison {
	__u64 packets;
	__u64 changed; /* another stream or another verdict */
	__u64 moves[VERDICTS][VERDICTS];
};

static bool same_label(const struct image_label *a, const struct image_label *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->protocol, b->protocol);
}

static bool has(const struct profile_image *image, const struct image_label *label)
{
	for (__u32 i = 0; i < image->stream_count; i++)
		if (same_label(&image->label[i], label))
			return true;
	return false;
}

/* The streams of one image that are (or are not) in the other. */
static json_t *streams(const struct profile_image *of, const struct profile_image *other,
		       bool shared)
{
	json_t *array = json_array();

	for (__u32 i = 0; i < of->stream_count; i++)
		if (has(other, &of->label[i]) == shared)
			json_array_append_new(array, json_string(of->label[i].name));
	return array;
}

static bool same_stream(const struct profile_image *active, const struct decision *a,
			const struct profile_image *next, const struct decision *b)
{
	if (a->stream < 0 || b->stream < 0)
		return a->stream < 0 && b->stream < 0;
	return same_label(&active->label[a->stream], &next->label[b->stream]);
}

/* Returns whether it came to the capture's end. */
static bool compare_all(pcap_t *capture, const struct profile_image *active, struct plain *before,
			const struct profile_image *next, struct plain *after,
			struct comparison *comparison)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result;

	while ((result = pcap_next_ex(capture, &header, &bytes)) == 1) {
		__u64 ns = (__u64)header->ts.tv_sec * 1000000000u + (__u64)header->ts.tv_usec;
		struct decision a, b;

		a = plain_frame(before, bytes, header->caplen, header->len, ns);
		b = plain_frame(after, bytes, header->caplen, header->len, ns);
		comparison->packets++;
		comparison->moves[a.verdict][b.verdict]++;
		comparison->changed += a.verdict != b.verdict || !same_stream(active, &a, next, &b);
	}
	return result == PCAP_ERROR_BREAK;
}

static int compare(const struct invocation *invocation, const struct profile_image *active,
		   const struct profile_image *next, const char *file,
		   struct comparison *comparison)
{
	struct plain *before, *after;
	pcap_t *capture;
	int code = capture_open(invocation, file, &capture);

	if (code)
		return code;
	before = plain_new(active);
	after = plain_new(next);
	if (!before || !after)
		code = fail(invocation, FAILED, NULL, "out of memory");
	else if (!compare_all(capture, active, before, next, after, comparison))
		code = capture_broken(invocation, file, pcap_geterr(capture));
	plain_free(before);
	plain_free(after);
	pcap_close(capture);
	return code;
}

static json_t *moves(const struct comparison *comparison)
{
	json_t *array = json_array();

	for (int from = 0; from < VERDICTS; from++)
		for (int to = 0; to < VERDICTS; to++)
			if (comparison->moves[from][to])
				json_array_append_new(
					array,
					json_pack("{s:s, s:s, s:I}", "from", verdict_names[from],
						  "to", verdict_names[to], "packets",
						  (json_int_t)comparison->moves[from][to]));
	return array;
}

static void print_list(const char *title, const json_t *list)
{
	const json_t *name;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("  %s:", title);
	json_array_foreach(list, i, name) printf(" %s", json_string_value(name));
	putchar('\n');
}

static void print(const char *interface, const json_t *model)
{
	const json_t *capture = json_object_get(model, "capture"), *move;
	size_t i;

	printf("%s: %s would take the place of %s\n", interface,
	       json_string_value(json_object_get(model, "next")),
	       json_string_value(json_object_get(model, "active")));
	print_list("stay, with their counters", json_object_get(model, "stay"));
	print_list("come", json_object_get(model, "come"));
	print_list("go", json_object_get(model, "go"));
	if (!capture)
		return;
	printf("  of %lld packets in the capture, %lld would be judged differently\n",
	       json_integer_value(json_object_get(capture, "packets")),
	       json_integer_value(json_object_get(capture, "changed")));
	json_array_foreach(json_object_get(capture, "moves"), i, move)
		printf("    %s -> %s: %lld\n", json_string_value(json_object_get(move, "from")),
		       json_string_value(json_object_get(move, "to")),
		       json_integer_value(json_object_get(move, "packets")));
}

int rehearse(const struct invocation *invocation, const char *interface,
	     const struct profile_image *active, const struct profile_image *next,
	     const char *capture)
{
	struct comparison comparison = { 0 };
	json_t *model;
	int code = DONE;

	if (capture)
		code = compare(invocation, active, next, capture, &comparison);
	if (code)
		return code;
	model = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "interface", interface, "active",
			  active->name, "next", next->name, "stay", streams(next, active, true),
			  "come", streams(next, active, false), "go", streams(active, next, false));
	if (capture)
		json_object_set_new(model, "capture",
				    json_pack("{s:I, s:I, s:o}", "packets",
					      (json_int_t)comparison.packets, "changed",
					      (json_int_t)comparison.changed, "moves",
					      moves(&comparison)));
	if (invocation->globals->json)
		return json_print(model, false) ? FAILED : DONE;
	print(interface, model);
	json_decref(model);
	return DONE;
}

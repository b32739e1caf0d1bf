// SPDX-License-Identifier: GPL-2.0-only
/*
 * explain: what a profile would do with a capture. Runs the data path itself over the
 * capture's frames, with the capture's stamps as time, so it needs no privileges and
 * no kernel support.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/capture.h"
#include "ctl/json.h"
#include "ctl/names.h"
#include "ctl/profile/profile.h"
#include "ctl/stats.h"
#include "ctl/verb.h"
#include "xdp/plain.h"

static const struct option explain_options[] = {
	{ "profile", 'p', "NAME|FILE", NULL, "the profile to explain by" },
	{ "packets", 0, NULL, NULL, "say it for each packet" },
	{ 0 },
};

struct explanation {
	const struct profile_image *image;
	struct plain *plain;
	bool packets;
	bool all;     /* streams without packets, too */
	json_t *rows; /* with --json and --packets */
};

static int read_counters(void *context, __u32 id, struct counters *sum)
{
	*sum = *plain_counters(context, id);
	return 0;
}

static int read_instances(void *context, __u32 id, struct instances *instances)
{
	*instances = *plain_instances(context, id);
	return 0;
}

/* The stream's place in the profile: in an image that was never attached, its id. */
static int stream_of(const struct decision *decision)
{
	return decision->id < (int)IMAGE_STREAMS ? decision->id : -1;
}

static int explain_packet(struct explanation *explanation, uint64_t number,
			  const struct decision *decision)
{
	const struct profile_image *image = explanation->image;
	int stream = stream_of(decision);
	const char *name = stream < 0 ? NULL : image->label[stream].name;
	const char *class = NULL;

	if (stream >= 0)
		class = class_names[image->stream[stream].class];
	else if (decision->reason == REASON_DEFAULT || decision->reason == REASON_RATE ||
		 decision->reason == REASON_PRESSURE)
		class = class_names[image->default_class];
	if (!explanation->rows) {
		printf("%8" PRIu64 "  %-24s %-8s  %-9s  %s\n", number, name ? name : "-",
		       class ? class : "-", verdict_names[decision->verdict],
		       reason_names[decision->reason]);
		return 0;
	}
	return json_array_append_new(explanation->rows,
				     json_pack("{s:I, s:s?, s:s?, s:s, s:s}", "n",
					       (json_int_t)number, "stream", name, "class", class,
					       "verdict", verdict_names[decision->verdict],
					       "reason", reason_names[decision->reason]));
}

/* Returns 0, or what is wrong with the capture. */
static const char *explain_capture(struct explanation *explanation, pcap_t *capture)
{
	struct pcap_pkthdr *header;
	const unsigned char *data;
	uint64_t number = 0;
	int result;

	while ((result = pcap_next_ex(capture, &header, &data)) == 1) {
		uint64_t time =
			(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
		uint32_t length = header->len > header->caplen ? header->len : header->caplen;
		struct decision decision =
			plain_frame(explanation->plain, data, header->caplen, length, time);

		number++;
		if (explanation->packets && explain_packet(explanation, number, &decision))
			return "out of memory";
	}
	return result == PCAP_ERROR_BREAK ? NULL : pcap_geterr(capture);
}

static int print_stats(const struct explanation *explanation)
{
	const struct stats_source source = { explanation->plain, read_counters, read_instances };
	struct stats *stats = calloc(1, sizeof(*stats));
	json_t *document = NULL;
	int result = stats ? stats_fill(stats, explanation->image, &source, 0) : -ENOMEM;

	if (!result && explanation->rows) {
		document = stats_json(stats);
		if (explanation->packets && document)
			json_object_set(document, "packets", explanation->rows);
		result = json_print(document, false);
	} else if (!result) {
		stats_print(stats, explanation->all, stdout);
	}
	free(stats);
	return result;
}

static int explain_file(struct invocation *invocation, const struct profile_image *image,
			pcap_t *capture)
{
	struct explanation explanation = {
		.image = image,
		.plain = plain_new(image),
		.packets = option_value(invocation, "packets"),
		.all = invocation->globals->verbose,
		.rows = invocation->globals->json ? json_array() : NULL,
	};
	const char *wrong = explanation.plain ? explain_capture(&explanation, capture) : NULL;
	int code = DONE;

	if (!explanation.plain)
		code = fail(invocation, FAILED, NULL, "out of memory");
	else if (wrong)
		code = capture_broken(invocation, invocation->argv[0], wrong);
	else if (print_stats(&explanation))
		code = fail(invocation, FAILED, NULL, "out of memory");
	json_decref(explanation.rows);
	plain_free(explanation.plain);
	return code;
}

static int run_explain(struct invocation *invocation)
{
	const char *name = option_value(invocation, "profile");
	struct profile_image *image = malloc(sizeof(*image));
	struct diagnostics diagnostics = { 0 };
	struct profile *profile = NULL;
	pcap_t *capture = NULL;
	int code;

	if (!image)
		return fail(invocation, FAILED, NULL, "out of memory");
	if (!name) {
		code = fail(invocation, USAGE, "Name one with --profile", "no profile");
		goto out;
	}
	code = profile_load(name, invocation->globals->profile_path, &profile, &diagnostics);
	if (!code)
		code = profile_compile(profile, image, &diagnostics);
	diagnostics_print(&diagnostics, stderr);
	if (code) {
		code = fail(invocation, USAGE, "Mend what is said above", "profile %s is wrong",
			    name);
		goto out;
	}
	code = capture_open(invocation, invocation->argv[0], &capture);
	if (code == DONE)
		code = explain_file(invocation, image, capture);
	if (capture)
		pcap_close(capture);
out:
	profile_free(profile);
	diagnostics_free(&diagnostics);
	free(image);
	return code;
}

const struct verb verb_explain = {
	.name = "explain",
	.arguments = "FILE.pcap --profile NAME|FILE",
	.summary = "Says what a profile would do with a capture",
	.description =
		"Every frame of the capture goes through the same code as in the kernel, with the\n"
		"capture's own stamps as time, all readers there and no pressure.",
	.options = explain_options,
	.least = 1,
	.most = 1,
	.run = run_explain,
};

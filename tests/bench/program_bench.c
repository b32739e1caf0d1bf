// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP program's time for one packet, in BPF_PROG_TEST_RUN, beside xdp-filter's in the
 * same run. Medians over runs that take turns, so that what else the machine does hits
 * all of them. The program is given a new sequence number and azimuth each time (step.bpf.c);
 * what that step adds to an empty program is taken off.
 *
 * Drops are fed by live frames, as a driver would: packets a second, beside a bare XDP_DROP.
 *
 *	program_bench [--filter PROGRAM-ID] [--runs N] [--repeat N] [--json FILE]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/step.skel.h"
#include "tests/lib/program.h"

#define FRAME_MAX    2048
#define UDP_OFFSET   42
#define XT32_BYTES   1080
#define XT32_COUNTER 1076
#define XT32_AZIMUTH 12
#define RUNS_MAX     99

struct frame_bytes {
	unsigned char data[FRAME_MAX];
	unsigned int length;
	unsigned int payload;
};

/* One row of the table: a profile, a packet. */
struct row {
	const char *name;
	const char *what;
	void (*profile)(FILE *out);
	void (*frame)(struct frame_bytes *frame);
	bool fragments; /* IP id counts up in place of the counter */
	struct program program;
	struct step_bpf *step;
	struct frame_bytes bytes;
	int ns[RUNS_MAX];
};

static void put16(unsigned char *at, unsigned int value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void put_ethernet(struct frame_bytes *frame, bool tagged, unsigned int type)
{
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->data, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	frame->payload = 14;
	if (tagged) {
		put16(frame->data + 12, 0x8100);
		put16(frame->data + 14, 3 << 13 | 5);
		frame->payload = 18;
	}
	put16(frame->data + frame->payload - 2, type);
}

static void put_udp(struct frame_bytes *frame, unsigned int port, unsigned int bytes)
{
	unsigned char *udp = frame->data + frame->payload;

	put16(udp, 10000);
	put16(udp + 2, port);
	put16(udp + 4, bytes + 8);
	frame->payload += 8;
	memcpy(frame->data + frame->payload, "\xee\xff\x06\x01", 4);
	frame->length = frame->payload + bytes;
}

static void put_ipv4(struct frame_bytes *frame, unsigned int bytes, unsigned int fragment)
{
	unsigned char *ip = frame->data + frame->payload;

	ip[0] = 0x45;
	put16(ip + 2, 20 + bytes);
	put16(ip + 6, fragment);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, "\xc0\xa8\x01\xc9\xc0\xa8\x01\x64", 8);
	frame->payload += 20;
}

static void frame_xt32(struct frame_bytes *frame)
{
	put_ethernet(frame, false, 0x0800);
	put_ipv4(frame, 8 + XT32_BYTES, 0);
	put_udp(frame, 2368, XT32_BYTES);
}

static void frame_vlan(struct frame_bytes *frame)
{
	put_ethernet(frame, true, 0x0800);
	put_ipv4(frame, 8 + XT32_BYTES, 0);
	put_udp(frame, 2368, XT32_BYTES);
}

static void frame_ipv6(struct frame_bytes *frame)
{
	unsigned char *ip;

	put_ethernet(frame, false, 0x86dd);
	ip = frame->data + frame->payload;
	ip[0] = 0x60;
	put16(ip + 4, 8 + XT32_BYTES);
	ip[6] = 17;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 201;
	ip[39] = 100;
	frame->payload += 40;
	put_udp(frame, 2368, XT32_BYTES);
}

static void frame_first(struct frame_bytes *frame)
{
	put_ethernet(frame, false, 0x0800);
	put_ipv4(frame, 1480, 0x2000);
	put_udp(frame, 2368, XT32_BYTES);
	put16(frame->data + frame->payload - 4, 8 + XT32_BYTES);
	frame->length = 34 + 1480;
}

static void frame_later(struct frame_bytes *frame)
{
	put_ethernet(frame, false, 0x0800);
	put_ipv4(frame, 1480, 0x2000 | 185);
	frame->length = 34 + 1480;
}

static void stream(FILE *out, int number, const char *match, const char *timing)
{
	fprintf(out,
		"  - {name: lidar-%d, protocol: hesai-xt32, match: {%s}, class: critical, "
		"deliver: af_xdp, timing: %s}\n",
		number, match, timing);
}

static void profile_one_port(FILE *out)
{
	stream(out, 0, "destination_port: 2368", "coarse");
}

static void profile_one_source(FILE *out)
{
	stream(out, 0, "source: 192.168.1.201", "coarse");
}

/* The stream that is measured is the last one. */
static void profile_ports(FILE *out)
{
	char match[80];

	for (int i = 0; i < 64; i++) {
		snprintf(match, sizeof(match), "destination_port: %d", 2368 + 63 - i);
		stream(out, i, match, "coarse");
	}
}

static void profile_drop(FILE *out)
{
	fprintf(out, "  - {name: lidar, match: {destination_port: 2368}, deliver: drop}\n");
}

static void profile_sources(FILE *out)
{
	char match[80];

	for (int i = 0; i < 64; i++) {
		snprintf(match, sizeof(match), "source: 192.168.1.%d", 201 - 63 + i);
		stream(out, i, match, "coarse");
	}
}

static void profile_precise(FILE *out)
{
	char match[80];

	for (int i = 0; i < 64; i++) {
		snprintf(match, sizeof(match), "destination_port: %d", 2368 + 63 - i);
		stream(out, i, match, "precise");
	}
}

static struct row rows[] = {
	{ .name = "one",
	  .what = "1 stream by its port",
	  .profile = profile_one_port,
	  .frame = frame_xt32 },
	{ .name = "one_source",
	  .what = "1 stream by its source",
	  .profile = profile_one_source,
	  .frame = frame_xt32 },
	{ .name = "ports",
	  .what = "64 streams, 64 ports",
	  .profile = profile_ports,
	  .frame = frame_xt32 },
	{ .name = "sources",
	  .what = "64 streams, 1 port, 64 sources",
	  .profile = profile_sources,
	  .frame = frame_xt32 },
	{ .name = "precise",
	  .what = "64 streams, precise time",
	  .profile = profile_precise,
	  .frame = frame_xt32 },
	{ .name = "vlan",
	  .what = "64 streams, VLAN tag",
	  .profile = profile_ports,
	  .frame = frame_vlan },
	{ .name = "ipv6",
	  .what = "64 streams, IPv6",
	  .profile = profile_ports,
	  .frame = frame_ipv6 },
	{ .name = "first",
	  .what = "64 streams, first fragment",
	  .profile = profile_ports,
	  .frame = frame_first,
	  .fragments = true },
	{ .name = "later",
	  .what = "64 streams, later fragment",
	  .profile = profile_ports,
	  .frame = frame_later },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

/* What `step` alone costs: with the frame's offsets, and nothing to jump to. */
static struct row nothing = { .name = "step", .frame = frame_xt32 };

/* One stream that is dropped, for live frames. */
static struct row dropped = { .name = "drop", .profile = profile_drop, .frame = frame_xt32 };

static int empty_ns[RUNS_MAX], bare_ns[RUNS_MAX];

static int open_step(struct row *row)
{
	__u32 zero = 0;
	int result;

	row->frame(&row->bytes);
	row->step = step_bpf__open();
	if (!row->step)
		return -errno;
	if (row->fragments)
		row->step->rodata->id_offset = 18;
	if (row->frame != frame_later) {
		row->step->rodata->counter_offset = row->bytes.payload + XT32_COUNTER;
		row->step->rodata->azimuth_offset = row->bytes.payload + XT32_AZIMUTH;
	}
	result = step_bpf__load(row->step);
	if (!result && row->program.skeleton)
		result = bpf_map_update_elem(bpf_map__fd(row->step->maps.next), &zero,
					     &row->program.descriptor, BPF_ANY);
	return result;
}

static int open_row(struct row *row)
{
	static struct profile_image image;
	char *yaml = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&yaml, &size);
	struct frame_bytes first;
	__u32 action;
	int result;

	if (!out)
		return -errno;
	fprintf(out, "profile: bench\nstreams:\n");
	row->profile(out);
	fclose(out);
	result = program_compile(yaml, &image);
	free(yaml);
	if (!result)
		result = program_open(&row->program, false);
	if (!result)
		result = program_image(&row->program, &image);
	if (result)
		return result;
	program_leases(&row->program);
	result = program_sockets(&row->program, &image);
	if (!result)
		result = open_step(row);
	if (result || row->frame != frame_later)
		return result;
	frame_first(&first);
	result = program_run(row->program.descriptor, first.data, first.length, 1, &action);
	return result < 0 ? result : 0;
}

/* A run's ns, if it ran. */
static int ran(const char *what, int ns)
{
	if (ns < 0) {
		fprintf(stderr, "program_bench: %s: %s\n", what, strerror(-ns));
		exit(1);
	}
	return ns;
}

/* The later fragment's first one is remembered for 200 ms only: told again before each run. */
static int run_row(struct row *row, unsigned int repeat)
{
	struct frame_bytes first;
	__u32 action;

	if (row->frame == frame_later) {
		frame_first(&first);
		ran("first fragment",
		    program_run(row->program.descriptor, first.data, first.length, 1, &action));
		repeat = repeat > 200000 ? 200000 : repeat;
	}
	for (__u32 id = 0; row->program.leases && id < STREAM_IDS; id++)
		row->program.leases[id].drained = row->program.leases[id].sent;
	return ran(row->name, program_run(bpf_program__fd(row->step->progs.step), row->bytes.data,
					  row->bytes.length, repeat, &action));
}

/* ns a packet with live frames: what is dropped goes back to the page pool. */
static int run_live(int program, const struct frame_bytes *frame, unsigned int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->data,
		    .data_size_in = frame->length, .repeat = (int)repeat,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	struct timespec begin, end;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	result = bpf_prog_test_run_opts(program, &options);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (result)
		return result;
	return (int)(((end.tv_sec - begin.tv_sec) * 1000000000l + end.tv_nsec - begin.tv_nsec) /
		     (long)repeat);
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int median(int *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare_int);
	return values[count / 2];
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static double own(const char *name, unsigned int runs)
{
	return find(name)->ns[runs / 2] - nothing.ns[runs / 2] + empty_ns[runs / 2];
}

/* How this CPU's returns are guarded: eBPF pays for it at each call. */
static const char *mitigation(void)
{
	static char text[80];
	FILE *in = fopen("/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow", "re");

	if (!in || !fgets(text, sizeof(text), in))
		snprintf(text, sizeof(text), "unknown");
	text[strcspn(text, "\n")] = 0;
	if (in)
		fclose(in);
	return text;
}

/* cause: what takes the time, if the target is not kept. */
static void target(json_t *targets, const char *name, double ratio, bool least, double bound,
		   const char *cause)
{
	bool kept = least ? ratio >= bound : ratio <= bound;

	printf("  %-46s %6.3f  %8s %.2f   %s\n", name, ratio, least ? "at least" : "at most", bound,
	       kept ? "kept" : "NOT KEPT");
	if (!kept)
		printf("    cause: %s (spec_rstack_overflow: %s)\n", cause, mitigation());
	json_array_append_new(targets,
			      json_pack("{s:s, s:f, s:f, s:b}", "target", name, "ratio", ratio,
					least ? "at_least" : "at_most", bound, "kept", kept));
}

static const char redirecting[] =
	"each helper call (clock, lease, instance, counters, metadata) and the redirect, each with "
	"its returns through the thunk of this CPU's mitigation";
static const char looking[] = "tables of 64 streams take more of the cache than one stream's";
static const char dropping[] =
	"parsing, matching and counting, which a bare drop has not, and the return of each helper "
	"and subprogram through the thunk of this CPU's mitigation";

static void report(unsigned int runs, const int *filter, const char *file)
{
	json_t *list = json_array(), *targets = json_array(), *document;

	printf("XDP program, ns a packet in test_run (median of %u)\n", runs);
	printf("  %-44s %4d\n", "an empty program", median(empty_ns, runs));
	printf("  %-44s %4d\n", "what the step in front adds, taken off below",
	       median(nothing.ns, runs) - empty_ns[runs / 2]);
	if (filter)
		printf("  %-44s %4d\n", "xdp-filter, 20 ports", filter[runs / 2]);
	for (size_t i = 0; i < ROWS; i++) {
		int ns = median(rows[i].ns, runs) - nothing.ns[runs / 2] + empty_ns[runs / 2];

		printf("  %-44s %4d\n", rows[i].what, ns);
		json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", rows[i].name,
						      "what", rows[i].what, "ns", ns));
	}
	if (filter) {
		target(targets, "coarse clock against xdp-filter",
		       own("ports", runs) / filter[runs / 2], false, 0.5, redirecting);
		target(targets, "precise time and histogram against xdp-filter",
		       own("precise", runs) / filter[runs / 2], false, 1.3, redirecting);
	}
	target(targets, "64 streams against 1, by port", own("ports", runs) / own("one", runs),
	       false, 1.15, looking);
	target(targets, "64 sources on one port against 1 source",
	       own("sources", runs) / own("one_source", runs), false, 1.5, looking);
	printf("Dropped packets, ns each with live frames\n  %-44s %4d\n  %-44s %4d\n",
	       "bare XDP_DROP", median(bare_ns, runs), "a stream with deliver: drop",
	       median(dropped.ns, runs));
	target(targets, "drops a second against bare XDP_DROP",
	       (double)bare_ns[runs / 2] / dropped.ns[runs / 2], true, 0.65, dropping);
	document = json_pack("{s:s, s:i, s:i, s:s, s:i, s:i, s:i, s:o, s:o}", "bench", "program",
			     "runs", runs, "cpu", sched_getcpu(), "mitigation", mitigation(),
			     "empty_ns", empty_ns[runs / 2], "step_ns", nothing.ns[runs / 2],
			     "xdp_filter_ns", filter ? filter[runs / 2] : -1, "rows", list,
			     "targets", targets);
	if (file && json_dump_file(document, file, JSON_INDENT(2)))
		fprintf(stderr, "program_bench: can't write %s\n", file);
	json_decref(document);
}

/* To the last CPU that is allowed: the first one has the most interrupts. Returns it, or -errno. */
static int pin(void)
{
	cpu_set_t allowed;
	int last = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			last = cpu;
	if (last < 0)
		return -ENODEV;
	CPU_ZERO(&allowed);
	CPU_SET(last, &allowed);
	if (sched_setaffinity(0, sizeof(allowed), &allowed))
		return -errno;
	return sched_getcpu() == last ? last : -EBUSY;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "runs", required_argument, NULL, 'r' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 },
	};
	unsigned int runs = 9, repeat = 500000;
	int filter = -1, filter_ns[RUNS_MAX], letter, cpu;
	const char *file = NULL;
	__u32 action;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (letter) {
		case 'f':
			filter = bpf_prog_get_fd_by_id((__u32)atoi(optarg));
			if (filter < 0) {
				fprintf(stderr, "program_bench: no program %s\n", optarg);
				return 1;
			}
			break;
		case 'r':
			runs = (unsigned int)atoi(optarg);
			break;
		case 'n':
			repeat = (unsigned int)atoi(optarg);
			break;
		case 'j':
			file = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!runs || runs > RUNS_MAX || !repeat)
		return 2;
	cpu = ran("can't stay on one CPU", pin());
	printf("Measured on CPU %d; spec_rstack_overflow: %s\n", cpu, mitigation());
	for (size_t i = 0; i < ROWS; i++) {
		int result = open_row(&rows[i]);

		if (result) {
			fprintf(stderr, "program_bench: %s: %s\n", rows[i].name, strerror(-result));
			return 1;
		}
	}
	if (open_row(&dropped) || open_step(&nothing))
		return 1;
	for (unsigned int run = 0; run < runs; run++) {
		if (filter >= 0)
			filter_ns[run] =
				ran("xdp-filter",
				    program_run(filter, find("one")->bytes.data,
						find("one")->bytes.length, repeat, &action));
		nothing.ns[run] = run_row(&nothing, repeat);
		empty_ns[run] = ran("empty", program_run(bpf_program__fd(nothing.step->progs.pass),
							 nothing.bytes.data, nothing.bytes.length,
							 repeat, &action));
		bare_ns[run] = ran("bare drop", run_live(bpf_program__fd(nothing.step->progs.drop),
							 &dropped.bytes, repeat));
		dropped.ns[run] =
			ran("drop", run_live(dropped.program.descriptor, &dropped.bytes, repeat));
		for (size_t i = 0; i < ROWS; i++)
			rows[i].ns[run] = run_row(&rows[i], repeat);
	}
	if (filter >= 0)
		median(filter_ns, runs);
	report(runs, filter >= 0 ? filter_ns : NULL, file);
	for (size_t i = 0; i < ROWS; i++) {
		step_bpf__destroy(rows[i].step);
		program_close(&rows[i].program);
	}
	step_bpf__destroy(dropped.step);
	program_close(&dropped.program);
	step_bpf__destroy(nothing.step);
	return 0;
}

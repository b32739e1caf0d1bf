// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a swap takes: from the call of ctl/swap.h until packets are judged by the new
 * profile, and until the call returns. Beside it, what one update of the outer map takes alone.
 *
 *	swap_bench [--runs N] [--json FILE]
 *
 * A thread on the last CPU runs one frame after the other through the program and notes when
 * the verdict first is the new one; the call is made on CPU 0. The kernel waits in the
 * update until no CPU can still use the old image, which is most of the call.
 */
#include <bpf/bpf.h>
#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/publish.h"
#include "tests/lib/program.h"
#include "tests/lib/subject.h"

#define RUNS_MAX    1000
#define PORT	    1000
#define PATIENCE_NS 5000000000ull

static const char dropping[] =
	"profile: dropping\n"
	"streams: [{name: probe, match: {ip_protocol: udp, destination_port: 1000}, deliver: drop}]\n";
static const char passing[] =
	"profile: passing\n"
	"streams: [{name: probe, match: {ip_protocol: udp, destination_port: 1000}, deliver: stack}]\n";

struct watcher {
	int program;
	bool stop;
	__u32 action;	     /* of the last frame */
	uint64_t changed_ns; /* when it was another one for the first time */
	uint64_t frames;
};

struct figures {
	double visible, call, update;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "swap_bench: %s\n", what);
	exit(1);
}

static void *watch(void *context)
{
	unsigned char frame[SUBJECT_FRAME_BYTES];
	struct watcher *watcher = context;

	subject_pin((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	subject_udp_frame(frame, PORT);
	while (!__atomic_load_n(&watcher->stop, __ATOMIC_ACQUIRE)) {
		__u32 action;

		if (program_run(watcher->program, frame, sizeof(frame), 1, &action) < 0)
			die("can't run the program");
		watcher->frames++;
		if (action == watcher->action)
			continue;
		watcher->action = action;
		__atomic_store_n(&watcher->changed_ns, now_ns(), __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Waits until the watcher has seen a change since `begin`; returns when that was. */
static uint64_t seen_since(struct watcher *watcher, uint64_t begin)
{
	uint64_t changed;

	while ((changed = __atomic_load_n(&watcher->changed_ns, __ATOMIC_ACQUIRE)) < begin)
		if (now_ns() - begin > PATIENCE_NS)
			die("packets do not see the swap");
	return changed;
}

static void measure(struct subject *subject, struct watcher *watcher, struct profile_image *image,
		    struct figures *figures)
{
	uint64_t begin = now_ns(), end;

	if (subject_swap(subject, image))
		die("can't swap");
	end = now_ns();
	figures->call = (double)(end - begin);
	figures->visible = (double)(seen_since(watcher, begin) - begin);
}

/* The outer map's update by itself, with an image like the active one. */
static double update(struct subject *subject, const struct profile_image *image)
{
	struct error error;
	int inner = publish_fill(0, image, &error);
	__u32 zero = 0;
	uint64_t begin;
	double ns;

	if (inner < 0)
		die(error.message);
	begin = now_ns();
	if (bpf_map_update_elem(subject->attached.image, &zero, &inner, BPF_ANY))
		die("can't update the outer map");
	ns = (double)(now_ns() - begin);
	close(inner);
	return ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static json_t *row(const char *name, const char *what, double *ns, int runs)
{
	qsort(ns, (size_t)runs, sizeof(*ns), by_value);
	printf("  %-44s %12.3f %12.3f %12.3f\n", what, ns[runs / 2] / 1e6, ns[0] / 1e6,
	       ns[runs - 1] / 1e6);
	return json_pack("{s:s, s:s, s:f, s:f, s:f}", "name", name, "what", what, "ns",
			 ns[runs / 2], "least_ns", ns[0], "most_ns", ns[runs - 1]);
}

static void report(struct figures *figures, int runs, double every_ns, const char *file)
{
	double visible[RUNS_MAX], call[RUNS_MAX], alone[RUNS_MAX];
	json_t *rows = json_array(), *document;

	for (int i = 0; i < runs; i++) {
		visible[i] = figures[i].visible;
		call[i] = figures[i].call;
		alone[i] = figures[i].update;
	}
	printf("swap, ms (%d runs)%32s %12s %12s\n", runs, "median", "least", "most");
	json_array_append_new(rows,
			      row("visible", "from the call until packets see it", visible, runs));
	json_array_append_new(rows, row("call", "the call", call, runs));
	json_array_append_new(rows, row("update", "the outer map's update alone", alone, runs));
	printf("  a packet looked at every %.1f us\n", every_ns / 1e3);
	document = json_pack("{s:s, s:i, s:i, s:f, s:o}", "bench", "swap", "runs", runs,
			     "image_bytes", (int)sizeof(struct profile_image), "look_every_ns",
			     every_ns, "rows", rows);
	if (file && json_dump_file(document, file, JSON_INDENT(2)))
		fprintf(stderr, "swap_bench: can't write %s\n", file);
	json_decref(document);
}

int main(int argc, char **argv)
{
	static struct profile_image image[2];
	static struct figures figures[RUNS_MAX];
	struct watcher watcher = { .action = XDP_DROP };
	struct program program;
	struct subject subject;
	const char *file = NULL;
	pthread_t thread;
	uint64_t begin;
	int runs = 101;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && !strcmp(argv[i], "--runs"))
			runs = atoi(argv[i + 1]);
		else if (i + 1 < argc && !strcmp(argv[i], "--json"))
			file = argv[i + 1];
		else
			runs = 0;
	}
	if (runs < 1 || runs > RUNS_MAX) {
		fputs("usage: swap_bench [--runs N] [--json FILE]\n", stderr);
		return 2;
	}
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		die("needs two CPUs");
	if (program_compile(dropping, &image[0]) || program_compile(passing, &image[1]))
		die("can't compile the profiles");
	if (program_open(&program, false) ||
	    subject_open(&subject, program.skeleton->obj, &image[0]) ||
	    subject_swap(&subject, &image[0]))
		die("can't load the program");
	subject_pin(0);
	watcher.program = program.descriptor;
	if (pthread_create(&thread, NULL, watch, &watcher))
		die("can't start a thread");
	begin = now_ns();
	for (int i = 0; i < runs; i++) {
		measure(&subject, &watcher, &image[(i + 1) % 2], &figures[i]);
		figures[i].update = update(&subject, &image[(i + 1) % 2]);
	}
	__atomic_store_n(&watcher.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	report(figures, runs, (double)(now_ns() - begin) / (double)watcher.frames, file);
	subject_close(&subject);
	program_close(&program);
	return 0;
}

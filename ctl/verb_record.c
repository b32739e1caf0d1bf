// SPDX-License-Identifier: GPL-2.0-only
/* sensorctl record: a reader of a stream that writes what it reads to a file. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/attached.h"
#include "ctl/json.h"
#include "ctl/pcapng.h"
#include "xdp/stream/reader.h"

static const struct option options[] = {
	{ "output", 'o', "FILE", NULL, "the pcapng file to write" },
	{ "count", 0, "N", NULL, "end after this many datagrams" },
	{ "duration", 0, "SECONDS", NULL, "end after this time" },
	{ 0 },
};

struct recording {
	struct reader *reader;
	struct pcapng file;
	uint64_t most;	   /* 0: no limit */
	uint64_t until_ns; /* 0: no limit */
	uint64_t written;
	uint64_t bytes;
	uint64_t sensor_lost;
	uint64_t dropped; /* missed since the last packet that was written */
	uint64_t missed;  /* by readers before this one */
	int64_t to_realtime_ns;
	char path[108]; /* of the broker's socket */
};

#define REOPEN_NS 20000000l
#define REOPENS	  50

static volatile sig_atomic_t stop;

static void end(int signal)
{
	(void)signal;
	stop = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* A number greater than 0 and nothing else; 0 otherwise. */
static double positive(const char *text)
{
	char *rest;
	double value = strtod(text, &rest);

	return *rest || !(value > 0) || value > 1e15 ? 0 : value;
}

static void describe(char *comment, size_t size, const struct ring_header *ring,
		     const struct reader_datagram *datagram)
{
	const struct ring_descriptor *d = &datagram->descriptor;
	int n = snprintf(comment, size, "stream %s, verdict af_xdp, class %s", ring->stream,
			 ring->class);

#define ADD(...) n += snprintf(comment + n, size - (size_t)n, __VA_ARGS__)
	if (d->flags & RING_SEQUENCE)
		ADD(", sequence %" PRIu64, d->device_sequence);
	if (d->flags & RING_SAMPLE)
		ADD(", sample %u%s%s", d->sample, d->flags & RING_FIRST ? " first" : "",
		    d->flags & RING_LAST ? " last" : "");
	if (d->instance != UINT16_MAX)
		ADD(", source %u", d->instance);
	if (d->flags & RING_FRAGMENT)
		ADD(", fragment");
	if (d->flags & RING_PARTIAL)
		ADD(", partial");
	if (d->flags & RING_GAP)
		ADD(", lost before %u", d->lost_before);
	if (datagram->missed_before)
		ADD(", missed before %" PRIu64, datagram->missed_before);
#undef ADD
}

/*
 * The frame is copied to the file's buffer first and looked at afterwards: if it was
 * overwritten meanwhile, what was copied must not be written. So it goes through a copy.
 */
static int write_one(struct recording *recording, struct reader_datagram *datagram)
{
	static char copy[READER_PIECES * 4096];
	const struct ring_descriptor *d = &datagram->descriptor;
	struct iovec whole = { .iov_base = copy };
	char comment[384];
	int result;

	for (unsigned int i = 0; i < datagram->pieces; i++) {
		size_t bytes = datagram->piece[i].iov_len;

		if (bytes > sizeof(copy) - whole.iov_len)
			bytes = sizeof(copy) - whole.iov_len;
		memcpy(copy + whole.iov_len, datagram->piece[i].iov_base, bytes);
		whole.iov_len += bytes;
	}
	recording->dropped += datagram->missed_before;
	if (!reader_valid(recording->reader, datagram)) {
		recording->dropped++;
		return 0;
	}
	describe(comment, sizeof(comment), reader_ring(recording->reader), datagram);
	result = pcapng_packet(&recording->file, d->time_ns + (uint64_t)recording->to_realtime_ns,
			       &whole, 1, recording->dropped, comment);
	recording->dropped = 0;
	recording->written++;
	recording->bytes += whole.iov_len;
	if (d->flags & RING_GAP)
		recording->sensor_lost += d->lost_before;
	return result;
}

static int timeout(const struct recording *recording)
{
	uint64_t now_ns;

	if (!recording->until_ns)
		return -1;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	return now_ns < recording->until_ns ? (int)((recording->until_ns - now_ns) / 1000000) + 1
					    : 0;
}

static uint64_t missed(const struct recording *recording)
{
	return recording->missed + reader_count(recording->reader).missed;
}

/*
 * A broker that needs other memory for a new profile ends its streams and serves them anew at
 * once. What came in between went to the stack; that there was a gap is told.
 */
static bool open_again(struct invocation *invocation, struct recording *recording)
{
	const struct timespec pause = { .tv_nsec = REOPEN_NS };
	struct reader *next;

	for (int i = 0; i < REOPENS && !stop && timeout(recording); i++) {
		nanosleep(&pause, NULL);
		if (reader_open(&next, recording->path, invocation->argv[1], NULL, 0))
			continue;
		fprintf(stderr,
			"sensorctl: record: the broker ended stream %s and serves it anew: opened again "
			"after %" PRIu64 " datagrams; what came meanwhile went to the stack\n",
			invocation->argv[1], recording->written);
		recording->missed = missed(recording);
		reader_close(recording->reader);
		recording->reader = next;
		return true;
	}
	return false;
}

/* Until the limits, a signal, or the end of the stream (-EPIPE). */
static int copy_stream(struct recording *recording)
{
	struct reader_datagram datagram;
	int result = 0;

	while (!stop && (!recording->most || recording->written < recording->most)) {
		/* Looking at the clock is for when there is nothing to do, or now and then. */
		result = reader_next(recording->reader, &datagram, 0);
		if (!result || (recording->until_ns && !(recording->written & 255))) {
			int left = timeout(recording);

			if (!left)
				return 0;
			if (!result) {
				result = pcapng_flush(&recording->file);
				if (result)
					return result;
				result = reader_next(recording->reader, &datagram, left);
			}
		}
		if (result == -EINTR)
			continue;
		if (result < 0)
			return result;
		if (result)
			result = write_one(recording, &datagram);
		if (result)
			return result;
	}
	return 0;
}

static int summary(struct invocation *invocation, const struct recording *recording,
		   const char *path)
{

	if (invocation->globals->json)
		return json_print(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "stream",
					    invocation->argv[1], "file", path, "datagrams",
					    (json_int_t)recording->written, "bytes",
					    (json_int_t)recording->bytes, "missed",
					    (json_int_t)missed(recording), "lost",
					    (json_int_t)recording->sensor_lost),
				  false)
			       ? FAILED
			       : DONE;
	printf("%" PRIu64 " datagrams, %" PRIu64 " bytes written to %s; %" PRIu64
	       " missed, %" PRIu64 " lost before they came here\n",
	       recording->written, recording->bytes, path, missed(recording),
	       recording->sensor_lost);
	return DONE;
}

static int record(struct invocation *invocation, struct recording *recording, const char *path)
{
	char description[128];
	int result, closed;

	snprintf(description, sizeof(description), "stream %s, received by XDP on %s, %s",
		 invocation->argv[1], invocation->argv[0], reader_ring(recording->reader)->clock);
	result = pcapng_open(&recording->file, path, invocation->argv[0], description);
	if (result)
		return fail(invocation, FAILED, NULL, "can't write %s: %s", path,
			    strerror(-result));
	recording->to_realtime_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
	do
		result = copy_stream(recording);
	while (result == -EPIPE && open_again(invocation, recording));
	closed = pcapng_close(&recording->file, recording->written + recording->dropped,
			      missed(recording));
	if ((result && result != -EPIPE) || closed) {
		summary(invocation, recording, path);
		return fail(invocation, FAILED, "What was written before is whole",
			    "can't write all of %s: %s", path,
			    strerror(result && result != -EPIPE ? -result : -closed));
	}
	if (result) {
		summary(invocation, recording, path);
		return fail(invocation, FAILED, "Start it again: sensorctl serve IFACE",
			    "the stream ended: its broker stopped or the profile dropped it");
	}
	return summary(invocation, recording, path);
}

static int limits(struct invocation *invocation, struct recording *recording)
{
	const char *count = option_value(invocation, "count");
	const char *duration = option_value(invocation, "duration");

	if (count && positive(count) < 1)
		return fail(invocation, USAGE, NULL, "--count wants a number, not \"%s\"", count);
	if (duration && !(positive(duration) > 0))
		return fail(invocation, USAGE, NULL, "--duration wants seconds, not \"%s\"",
			    duration);
	if (count)
		recording->most = (uint64_t)positive(count);
	if (duration)
		recording->until_ns =
			clock_ns(CLOCK_MONOTONIC) + (uint64_t)(positive(duration) * 1e9);
	return DONE;
}

static int run(struct invocation *invocation)
{
	const struct sigaction action = { .sa_handler = end };
	const char *output = option_value(invocation, "output");
	const char *netns = invocation->globals->netns;
	struct recording recording = { 0 };
	struct error error = { 0 };
	char message[256] = "";
	int code, result;

	if (!output)
		return fail(invocation, USAGE, "Add -o FILE.pcapng", "no file to write to");
	code = limits(invocation, &recording);
	if (code)
		return code;
	if (netns && netns_enter(netns, &error))
		return fail(invocation, error.code ? (enum exit_code)error.code : FAILED,
			    *error.hint ? error.hint : NULL, "%s", error.message);
	result = reader_path(recording.path, sizeof(recording.path), invocation->argv[0]);
	if (result)
		return fail(invocation, FAILED, "ip link shows the interfaces there are",
			    "no interface %s", invocation->argv[0]);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	result = reader_open(&recording.reader, recording.path, invocation->argv[1], message,
			     sizeof(message));
	if (result)
		return fail(invocation, FAILED,
			    result == -ENOENT ? "Is it served? sensorctl streams shows what is"
					      : NULL,
			    "can't read stream %s of %s: %s", invocation->argv[1],
			    invocation->argv[0], message);
	code = record(invocation, &recording, output);
	reader_close(recording.reader);
	return code;
}

const struct verb verb_record = {
	.name = "record",
	.arguments = "IFACE STREAM -o FILE.pcapng [--count N] [--duration SECONDS]",
	.summary = "Reads a stream and writes it to a file",
	.description =
		"The file is pcapng with nanosecond stamps; a comment at each datagram says verdict,\n"
		"class, the sensor's sequence number, sample and loss. Ctrl-C ends it.",
	.options = options,
	.least = 2,
	.most = 2,
	.run = run,
};

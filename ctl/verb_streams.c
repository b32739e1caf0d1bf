// SPDX-License-Identifier: GPL-2.0-only
/* sensorctl streams: what the brokers serve, and to whom. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/attached.h"
#include "ctl/json.h"
#include "xdp/image.h"
#include "xdp/stream/reader.h"
#include "xdp/stream/wire.h"

#define MESSAGE_BYTES 65536

/* One broker's answer. */
struct answer {
	union {
		struct wire_list head;
		char bytes[MESSAGE_BYTES];
	};
};

static const struct wire_stream *streams_of(const struct answer *answer)
{
	return (const struct wire_stream *)(&answer->head + 1);
}

static const struct wire_reader *readers_of(const struct answer *answer)
{
	return (const struct wire_reader *)(streams_of(answer) + answer->head.streams);
}

static bool whole(const struct answer *answer, size_t bytes)
{
	return bytes >= sizeof(answer->head) && answer->head.magic == WIRE_MAGIC &&
	       answer->head.version == WIRE_VERSION &&
	       bytes == sizeof(answer->head) +
				(uint64_t)answer->head.streams * sizeof(struct wire_stream) +
				(uint64_t)answer->head.readers * sizeof(struct wire_reader);
}

static int ask(const char *path, struct answer *answer)
{
	const struct wire_request request = { .magic = WIRE_MAGIC,
					      .version = WIRE_VERSION,
					      .kind = WIRE_LIST };
	const struct timeval patience = { .tv_sec = 2 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int result = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 ||
	    (n = recv(fd, answer, sizeof(*answer), 0)) < 0)
		result = errno == EAGAIN ? -ETIMEDOUT : -errno;
	else if (!whole(answer, (size_t)n))
		result = -EPROTO;
	close(fd);
	return result;
}

static json_t *reader_json(const struct wire_reader *reader)
{
	return json_pack("{s:i, s:s, s:I, s:I, s:I}", "pid", reader->pid, "comm", reader->comm,
			 "read", (json_int_t)reader->read, "missed", (json_int_t)reader->missed,
			 "lag", (json_int_t)reader->lag);
}

static json_t *stream_json(const struct answer *answer, const struct wire_stream *stream)
{
	const struct wire_reader *readers = readers_of(answer);
	json_t *list = json_array();

	for (uint32_t i = 0; i < answer->head.readers; i++)
		if (readers[i].stream == stream->id)
			json_array_append_new(list, reader_json(&readers[i]));
	return json_pack("{s:s, s:I, s:I, s:n, s:I, s:s, s:b, s:{s:I, s:I}, s:o}", "name",
			 stream->name, "id", (json_int_t)stream->id, "published",
			 (json_int_t)stream->published, "datagrams_incomplete", "samples",
			 (json_int_t)stream->samples, "memory",
			 stream->memory == RING_MEMORY_COPY ? "copy" : "umem", "leased",
			 (int)stream->leased, "ring", "frames", (json_int_t)stream->frames, "bytes",
			 (json_int_t)stream->bytes, "readers", list);
}

static json_t *answer_json(const struct answer *answer)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < answer->head.streams; i++)
		json_array_append_new(list, stream_json(answer, &streams_of(answer)[i]));
	return json_pack("{s:s, s:o}", "interface", answer->head.interface, "streams", list);
}

static bool has_readers(const struct answer *answer, const struct wire_stream *stream)
{
	for (uint32_t i = 0; i < answer->head.readers; i++)
		if (readers_of(answer)[i].stream == stream->id)
			return true;
	return false;
}

/* Profiles know more sensors than a vehicle has: what nobody reads or sends is left out unless all. */
static void answer_text(const struct answer *answer, bool all)
{
	const struct wire_reader *readers = readers_of(answer);
	uint32_t idle = 0;

	printf("%s%s\n", answer->head.interface, answer->head.streams ? "" : ": no streams");
	for (uint32_t s = 0; s < answer->head.streams; s++) {
		const struct wire_stream *stream = &streams_of(answer)[s];

		if (!all && !stream->published && !has_readers(answer, stream)) {
			idle++;
			continue;
		}
		printf("  %s: %" PRIu64 " frames published, %" PRIu64
		       " samples, ring of %u in %s memory%s\n",
		       stream->name, stream->published, stream->samples, stream->frames,
		       stream->memory == RING_MEMORY_COPY ? "its own" : "shared",
		       stream->leased ? "" : ", on the stack: no reader that gets on");
		for (uint32_t r = 0; r < answer->head.readers; r++)
			if (readers[r].stream == stream->id)
				printf("    pid %d (%s): read %" PRIu64 ", missed %" PRIu64
				       ", %" PRIu64 " behind\n",
				       readers[r].pid, readers[r].comm, readers[r].read,
				       readers[r].missed, readers[r].lag);
	}
	if (idle)
		printf("  %u stream%s neither readers nor frames; -v lists %s\n", idle,
		       idle == 1 ? " has" : "s have", idle == 1 ? "it" : "them");
}

static int one(struct invocation *invocation, struct answer *answer)
{
	const char *interface = invocation->argv[0];
	char path[108];
	int result = reader_path(path, sizeof(path), interface);

	if (result == -ENODEV)
		return fail(invocation, FAILED, "ip link shows the interfaces there are",
			    "no interface %s", interface);
	if (!result)
		result = ask(path, answer);
	if (result == -ENOENT || result == -ECONNREFUSED)
		return fail(invocation, FAILED, "Start one: sensorctl serve IFACE",
			    "no broker serves %s", interface);
	if (result)
		return fail(invocation, FAILED, NULL, "can't ask the broker of %s: %s", interface,
			    strerror(-result));
	if (invocation->globals->json)
		return json_print(answer_json(answer), false) ? FAILED : DONE;
	answer_text(answer, invocation->globals->verbose);
	return DONE;
}

/* All brokers of this network namespace. With one of them, the document is also that one's. */
static int all_brokers(struct invocation *invocation, struct answer *answer)
{
	json_t *list = json_array(), *document = NULL;
	char directory[64], path[400];
	struct dirent *entry;
	struct stat status;
	unsigned int count = 0;
	DIR *open;

	if (stat("/proc/self/ns/net", &status))
		return fail(invocation, FAILED, NULL, "can't see the network namespace: %s",
			    strerror(errno));
	snprintf(directory, sizeof(directory), WIRE_DIRECTORY "/%ju", (uintmax_t)status.st_ino);
	open = opendir(directory);
	while (open && (entry = readdir(open))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".sock"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (ask(path, answer))
			continue;
		count++;
		if (invocation->globals->json)
			json_array_append_new(list, answer_json(answer));
		else
			answer_text(answer, invocation->globals->verbose);
	}
	if (open)
		closedir(open);
	if (!invocation->globals->json) {
		json_decref(list);
		if (!count)
			puts("no broker runs");
		return DONE;
	}
	document = count == 1 ? json_deep_copy(json_array_get(list, 0)) : json_object();
	json_object_set_new(document, "interfaces", list);
	return json_print(document, false) ? FAILED : DONE;
}

static int run(struct invocation *invocation)
{
	const char *netns = invocation->globals->netns;
	struct error error = { 0 };
	struct answer *answer;
	int code;

	if (netns && netns_enter(netns, &error))
		return fail(invocation, error.code ? (enum exit_code)error.code : FAILED,
			    *error.hint ? error.hint : NULL, "%s", error.message);
	answer = malloc(sizeof(*answer));
	if (!answer)
		return fail(invocation, FAILED, NULL, "out of memory");
	code = invocation->argc ? one(invocation, answer) : all_brokers(invocation, answer);
	free(answer);
	return code;
}

const struct verb verb_streams = {
	.name = "streams",
	.arguments = "[IFACE]",
	.summary = "Prints the streams that are served, their readers and each reader's loss",
	.least = 0,
	.most = 1,
	.run = run,
};

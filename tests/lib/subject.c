// SPDX-License-Identifier: GPL-2.0-only
#include "tests/lib/subject.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/publish.h"
#include "ctl/swap.h"

#define CAMERA_ETHERTYPE 0x88b5

static int map_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

int subject_open(struct subject *subject, const struct bpf_object *object,
		 const struct profile_image *first)
{
	struct attached *attached = &subject->attached;
	struct bpf_program *program = bpf_object__find_program_by_name(object, "sensor_ingress");
	struct error error;
	__u32 zero = 0;
	int inner, result;

	memset(subject, 0, sizeof(*subject));
	attached->program = bpf_program__fd(program);
	attached->image = map_of(object, "image");
	attached->names = map_of(object, "names");
	attached->counters = map_of(object, "counters");
	attached->instances = map_of(object, "instances");
	attached->fragments = map_of(object, "fragments");
	attached->buckets = map_of(object, "buckets");
	attached->leases = map_of(object, "leases");
	attached->xsks = map_of(object, "xsks");
	attached->control = map_of(object, "control");
	attached->pressure = map_of(object, "pressure");
	attached->link = -1;
	attached->view = mmap(NULL, sizeof(*attached->view), PROT_READ | PROT_WRITE, MAP_SHARED,
			      attached->control, 0);
	if (attached->view == MAP_FAILED)
		return -errno;
	attached->view->queues = 1;
	snprintf(attached->directory, sizeof(attached->directory), "/tmp/sensorctl-swap-XXXXXX");
	if (!mkdtemp(attached->directory))
		return -errno;
	subject->cpus = libbpf_num_possible_cpus();
	subject->rows = calloc((size_t)subject->cpus, sizeof(*subject->rows));
	if (!subject->rows)
		return -ENOMEM;
	inner = publish_fill(0, first, &error);
	if (inner < 0)
		return inner;
	result = bpf_map_update_elem(attached->image, &zero, &inner, BPF_ANY);
	close(inner);
	return result;
}

void subject_close(struct subject *subject)
{
	rmdir(subject->attached.directory);
	munmap(subject->attached.view, sizeof(*subject->attached.view));
	free(subject->rows);
	memset(subject, 0, sizeof(*subject));
}

int subject_swap(struct subject *subject, struct profile_image *image)
{
	struct error error;
	__u64 deadline_ns;
	int result = swap_to(&subject->attached, image, 0, &deadline_ns, &error);

	if (result)
		fprintf(stderr, "%s\n", error.message);
	return result;
}

int subject_counters(struct subject *subject, __u32 id, struct counters *sum)
{
	int result = bpf_map_lookup_elem(subject->attached.counters, &id, subject->rows);

	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; !result && cpu < subject->cpus; cpu++)
		for (size_t i = 0; i < sizeof(*sum) / sizeof(__u64); i++)
			((__u64 *)sum)[i] += ((const __u64 *)&subject->rows[cpu])[i];
	return result;
}

int subject_id(const struct subject *subject, const char *name)
{
	struct name_entry entry;

	for (__u32 id = 0; id < STREAM_IDS; id++)
		if (!bpf_map_lookup_elem(subject->attached.names, &id, &entry) &&
		    !strcmp(entry.name, name))
			return (int)id;
	return -ENOENT;
}

static void put16(unsigned char *at, unsigned int value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void ethernet(unsigned char frame[SUBJECT_FRAME_BYTES], unsigned int ethertype)
{
	memset(frame, 0, SUBJECT_FRAME_BYTES);
	frame[0] = frame[6] = 2;
	frame[11] = 1;
	put16(frame + 12, ethertype);
}

void subject_udp_frame(unsigned char frame[SUBJECT_FRAME_BYTES], unsigned int port)
{
	unsigned char *ip = frame + 14, *udp = ip + 20;

	ethernet(frame, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, SUBJECT_FRAME_BYTES - 14);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, "\xc0\xa8\x01\xc9\xc0\xa8\x01\x0a", 8);
	put16(udp, 40000);
	put16(udp + 2, port);
	put16(udp + 4, SUBJECT_FRAME_BYTES - 34);
}

void subject_camera_frame(unsigned char frame[SUBJECT_FRAME_BYTES])
{
	unsigned char *payload = frame + 14;

	ethernet(frame, CAMERA_ETHERTYPE);
	memcpy(payload, "SNSR", 4);
	put16(payload + 6, 1000); /* sequence */
	put16(payload + 10, 1);	  /* image */
	put16(payload + 14, 400); /* packets of an image */
}

int subject_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

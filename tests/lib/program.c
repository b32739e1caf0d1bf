// SPDX-License-Identifier: GPL-2.0-only
#include "tests/lib/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl/profile/profile.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN || !getenv("V"))
		return 0;
	return vfprintf(stderr, format, arguments);
}

static void *map_memory(int map, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	return at == MAP_FAILED ? NULL : at;
}

int program_open(struct program *program, bool test_clock)
{
	struct sensor_bpf *skeleton;
	struct timespec tick;
	int result;

	memset(program, 0, sizeof(*program));
	libbpf_set_print(quiet);
	skeleton = sensor_bpf__open();
	if (!skeleton)
		return -errno;
	skeleton->rodata->test_clock = test_clock;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	skeleton->rodata->tick_ns = (__u64)tick.tv_nsec;
	result = sensor_bpf__load(skeleton);
	if (result) {
		sensor_bpf__destroy(skeleton);
		return result;
	}
	program->skeleton = skeleton;
	program->descriptor = bpf_program__fd(skeleton->progs.sensor_ingress);
	program->control = map_memory(bpf_map__fd(skeleton->maps.control), sizeof(struct control));
	program->leases =
		map_memory(bpf_map__fd(skeleton->maps.leases), STREAM_IDS * sizeof(struct lease));
	return program->control && program->leases ? 0 : -ENOMEM;
}

void program_close(struct program *program)
{
	if (program->control)
		munmap(program->control, sizeof(struct control));
	if (program->leases)
		munmap(program->leases, STREAM_IDS * sizeof(struct lease));
	sensor_bpf__destroy(program->skeleton);
	if (program->socket > 0)
		close(program->socket);
	memset(program, 0, sizeof(*program));
}

int program_image(struct program *program, const struct profile_image *image)
{
	int inner =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", sizeof(__u32), sizeof(*image), 1, NULL);
	__u32 zero = 0;
	int result;

	if (inner < 0)
		return inner;
	result = bpf_map_update_elem(inner, &zero, image, BPF_ANY);
	if (!result)
		result = bpf_map_update_elem(bpf_map__fd(program->skeleton->maps.image), &zero,
					     &inner, BPF_ANY);
	close(inner);
	return result;
}

int program_compile(const char *name_or_yaml, struct profile_image *image)
{
	struct diagnostics diagnostics = { 0 };
	struct profile *profile = NULL;
	char file[] = "/tmp/sensorctl-test-XXXXXX.yaml";
	const char *name = name_or_yaml;
	int result = 0;

	if (strchr(name_or_yaml, '\n')) {
		int descriptor = mkstemps(file, 5);
		size_t length = strlen(name_or_yaml);

		if (descriptor < 0)
			return -errno;
		if (write(descriptor, name_or_yaml, length) != (ssize_t)length)
			result = -EIO;
		close(descriptor);
		name = file;
	}
	if (!result)
		result = profile_load(name, "profiles", &profile, &diagnostics);
	if (!result)
		result = profile_compile(profile, image, &diagnostics);
	if (result)
		diagnostics_print(&diagnostics, stderr);
	if (name == file)
		unlink(file);
	profile_free(profile);
	diagnostics_free(&diagnostics);
	return result;
}

static int map_clear(const struct bpf_map *map, bool per_cpu)
{
	__u32 size = bpf_map__value_size(map), entries = bpf_map__max_entries(map);
	char *zero = calloc(per_cpu ? (size_t)libbpf_num_possible_cpus() : 1, (size + 7) & ~7u);
	int result = zero ? 0 : -ENOMEM;

	for (__u32 key = 0; !result && key < entries; key++)
		result = bpf_map_update_elem(bpf_map__fd(map), &key, zero, BPF_ANY);
	free(zero);
	return result;
}

int program_reset(struct program *program)
{
	int result = map_clear(program->skeleton->maps.counters, true);

	if (!result)
		result = map_clear(program->skeleton->maps.instances, false);
	if (!result)
		result = map_clear(program->skeleton->maps.fragments, false);
	return result ? result : map_clear(program->skeleton->maps.buckets, false);
}

void program_leases(struct program *program)
{
	const struct lease fresh = { .deadline_ns = ~0ull, .credit = ~0u >> 1, .limit = ~0u >> 1 };

	for (__u32 id = 0; id < STREAM_IDS; id++)
		program->leases[id] = fresh;
}

int program_sockets(struct program *program, const struct profile_image *image)
{
	int sockets = bpf_map__fd(program->skeleton->maps.xsks);

	if (!program->socket) {
		int descriptor = socket(AF_XDP, SOCK_RAW, 0);

		if (descriptor < 0)
			return -errno;
		program->socket = descriptor;
	}
	for (__u32 i = 0; i < image->stream_count; i++) {
		__u32 key = image->stream[i].id; /* of queue 0, where test runs come from */
		int result = bpf_map_update_elem(sockets, &key, &program->socket, BPF_ANY);

		if (result)
			return result;
	}
	return 0;
}

int program_counters(const struct program *program, __u32 id, struct counters *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct counters *rows = calloc((size_t)cpus, sizeof(*rows));
	int result = -ENOMEM;

	memset(sum, 0, sizeof(*sum));
	if (rows)
		result = bpf_map_lookup_elem(bpf_map__fd(program->skeleton->maps.counters), &id,
					     rows);
	for (int cpu = 0; !result && cpu < cpus; cpu++) {
		const __u64 *from = (const __u64 *)&rows[cpu];
		__u64 last = sum->last_ns, longest = sum->interarrival_max_ns;

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*from); i++)
			((__u64 *)sum)[i] += from[i];
		sum->last_ns = rows[cpu].last_ns > last ? rows[cpu].last_ns : last;
		sum->interarrival_max_ns = rows[cpu].interarrival_max_ns > longest
						   ? rows[cpu].interarrival_max_ns
						   : longest;
	}
	free(rows);
	return result;
}

int program_instances(const struct program *program, __u32 id, struct instances *instances)
{
	return bpf_map_lookup_elem(bpf_map__fd(program->skeleton->maps.instances), &id, instances);
}

int program_run(int descriptor, const void *frame, __u32 length, __u32 repeat, __u32 *action)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		    .repeat = (int)repeat);
	int result = bpf_prog_test_run_opts(descriptor, &options);

	if (result)
		return result;
	if (action)
		*action = options.retval;
	return (int)options.duration;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <time.h>

#include "ctl/names.h"
#include "ctl/status.h"

static const char *const scheduling[] = { "other", "fifo", "nice" };

static const char *scheduling_name(__u32 value)
{
	return value < 3 ? scheduling[value] : "other";
}

/* ISO 8601, UTC. */
static const char *iso_time(__u64 ns, char text[32])
{
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}

static json_t *programs(const struct status *status)
{
	json_t *array = json_array();

	if (status->mode != MODE_NONE)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:s, s:s}", "hook", "xdp", "id",
						(json_int_t)status->program.id, "name",
						status->program.name, "tag", status->program.tag));
	return array;
}

static json_t *broker(const struct status *status)
{
	if (!status->broker)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:s, s:I}", "pid", (json_int_t)status->broker_pid,
			 "queues", (json_int_t)status->broker_queues, "zero_copy",
			 (json_int_t)status->broker_zero_copy, "scheduling",
			 scheduling_name(status->broker_scheduling), "lease_ns",
			 (json_int_t)status->broker_lease_ns);
}

static json_t *others(const struct status *status)
{
	json_t *array = json_array();

	for (int i = 0; i < status->other_count; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:s}", "hook", status->other[i].hook,
						"id", (json_int_t)status->other[i].id, "name",
						status->other[i].name));
	return array;
}

json_t *status_json(const struct status *status)
{
	bool attached = status->mode != MODE_NONE;
	char since[32];

	iso_time(status->attached_at_ns, since);
	return json_pack(
		"{s:s, s:s?, s:I, s:s, s:s?, s:o, s:s?, s:o, s:I, s:o, s:o, s:b, s:b, s:o}",
		"interface", status->interface, "netns", *status->netns ? status->netns : NULL,
		"netns_inode", (json_int_t)status->netns_inode, "mode", mode_names[status->mode],
		"profile", attached ? status->profile : NULL, "generation",
		attached ? json_integer((json_int_t)status->generation) : json_null(),
		"attached_at", attached ? since : NULL, "programs", programs(status), "pressure",
		(json_int_t)status->pressure, "broker", broker(status), "others", others(status),
		"dispatcher", (int)status->joined, "moved", (int)(status->moved || status->lost),
		"confirm_in_ns",
		status->confirm_in_ns ? json_integer((json_int_t)status->confirm_in_ns)
				      : json_null());
}

static void print_place(const struct status *status, FILE *out)
{
	if (*status->netns)
		fprintf(out, " in namespace %s", status->netns);
	if (status->moved)
		fputs(" (moved there after it was attached)", out);
	if (status->lost)
		fputs(" (moved to a network namespace without a name)", out);
}

static void print_ours(const struct status *status, FILE *out)
{
	char since[32];

	fprintf(out, "  profile %s, generation %llu, since %s\n", status->profile,
		status->generation, iso_time(status->attached_at_ns, since));
	fprintf(out, "  program %s, id %u, tag %s%s\n", status->program.name, status->program.id,
		status->program.tag, status->joined ? ", in a libxdp dispatcher" : "");
	if (status->joined)
		fputs("  readers get frames without sequence numbers and samples: a program in a "
		      "dispatcher\n  can't write them\n",
		      out);
	if (status->confirm_in_ns)
		fprintf(out, "  rolled back in %llu s unless confirmed\n",
			(status->confirm_in_ns + 999999999) / 1000000000);
	if (status->broker)
		fprintf(out,
			"  broker pid %u: %u queues, %u with zero copy, scheduling %s, lease "
			"%llu ms\n",
			status->broker_pid, status->broker_queues, status->broker_zero_copy,
			scheduling_name(status->broker_scheduling),
			status->broker_lease_ns / 1000000);
	else
		fputs("  no broker: every stream goes to the stack\n", out);
	fprintf(out, "  pressure %u\n", status->pressure);
}

void status_print(const struct status *status, FILE *out)
{
	fputs(status->interface, out);
	print_place(status, out);
	if (status->mode == MODE_NONE) {
		fputs(": nothing attached\n", out);
	} else {
		fprintf(out, ": attached in %s mode\n", mode_names[status->mode]);
		print_ours(status, out);
	}
	for (int i = 0; i < status->other_count; i++)
		fprintf(out, "  other program: %s on %s, id %u\n", status->other[i].name,
			status->other[i].hook, status->other[i].id);
}

// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/names.h"
#include "ctl/stats.h"

static json_t *number(__u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *counts(const char *const *names, const __u64 *values, int count)
{
	json_t *object = json_object();

	for (int i = 0; i < count; i++)
		json_object_set_new(object, names[i], number(values[i]));
	return object;
}

static void set_row(json_t *object, const struct stats_row *row)
{
	json_object_set_new(object, "verdicts", counts(verdict_names, row->verdicts, VERDICTS));
	json_object_set_new(object, "reasons", counts(reason_names, row->reasons, REASONS));
}

static json_t *senders(const struct stats_stream *stream)
{
	json_t *array = json_array();

	for (int i = 0; i < stream->sender_count; i++) {
		const struct stats_sender *sender = &stream->sender[i];

		json_array_append_new(
			array,
			json_pack("{s:s, s:o, s:I, s:I}", "address", sender->address, "key",
				  sender->keyed ? number(sender->key) : json_null(), "packets",
				  (json_int_t)sender->packets, "lost", (json_int_t)sender->lost));
	}
	return array;
}

static json_t *stream_json(const struct stats_stream *stream, bool live)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(stream->name));
	json_object_set_new(object, "protocol",
			    *stream->protocol ? json_string(stream->protocol) : json_null());
	json_object_set_new(object, "class", json_string(class_names[stream->class]));
	json_object_set_new(object, "delivery", json_string(delivery_names[stream->deliver]));
	json_object_set_new(object, "packets", number(stream->row.packets));
	json_object_set_new(object, "bytes", number(stream->row.bytes));
	json_object_set_new(object, "datagrams", number(stream->datagrams));
	json_object_set_new(object, "fragments", number(stream->fragments));
	json_object_set_new(object, "lost", json_integer(stream->lost));
	json_object_set_new(object, "reordered", number(stream->reordered));
	json_object_set_new(object, "duplicate", number(stream->duplicate));
	json_object_set_new(object, "restarts", number(stream->restarts));
	json_object_set_new(object, "samples", json_integer(stream->samples));
	json_object_set_new(object, "samples_incomplete", json_integer(stream->samples_incomplete));
	json_object_set_new(object, "untracked", number(stream->untracked));
	json_object_set_new(object, "sources", senders(stream));
	if (live) {
		json_object_set_new(object, "ring_lost", number(stream->ring_lost));
		json_object_set_new(object, "last_seen_ns_ago",
				    stream->seen ? number(stream->last_seen_ns_ago) : json_null());
		json_object_set_new(object, "stale", json_boolean(stream->stale));
	}
	json_object_set_new(object, "interarrival_ns",
			    json_pack("{s:I, s:I, s:I}", "p50",
				      (json_int_t)stream->interarrival_p50_ns, "p99",
				      (json_int_t)stream->interarrival_p99_ns, "max",
				      (json_int_t)stream->interarrival_max_ns));
	set_row(object, &stream->row);
	return object;
}

json_t *stats_json(const struct stats *stats)
{
	json_t *object = json_object(), *streams = json_array(), *other = json_object();

	json_object_set_new(object, "interface",
			    stats->interface ? json_string(stats->interface) : json_null());
	json_object_set_new(object, "profile", json_string(stats->profile));
	if (stats->live) {
		json_object_set_new(object, "generation", number(stats->generation));
		json_object_set_new(object, "mode", json_string(mode_names[stats->mode]));
	}
	json_object_set_new(object, "pressure", number(stats->pressure));
	for (int i = 0; i < stats->stream_count; i++)
		json_array_append_new(streams, stream_json(&stats->stream[i], stats->live));
	json_object_set_new(object, "streams", streams);
	json_object_set_new(other, "packets", number(stats->other.packets));
	json_object_set_new(other, "bytes", number(stats->other.bytes));
	set_row(other, &stats->other);
	json_object_set_new(object, "other", other);
	json_object_set_new(object, "egress", json_array());
	json_object_set_new(object, "protocols",
			    counts(protocol_names, stats->protocols, PROTOCOL_OTHER + 1));
	return object;
}

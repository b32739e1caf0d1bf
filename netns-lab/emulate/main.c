// SPDX-License-Identifier: GPL-2.0-only
/* emulate: sends what a sensor sends, or a capture, and says exactly what was sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "replay.h"
#include "request.h"

#define USAGE 2

static int parse_mac(const char *option, const char *text, uint8_t mac[6])
{
	char end;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5], &end) == 6)
		return 0;
	return request_wrong(option, text, "a MAC address");
}

static int parse_ip(const char *option, const char *text, uint32_t *out)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return request_wrong(option, text, "an IPv4 address");
	*out = in.s_addr;
	return 0;
}

static int open_output(struct output *output, const struct request *request)
{
	if (!request->interface == !request->pcap) {
		fputs("emulate: say where to: --interface IF or --pcap FILE, one of them.\n",
		      stderr);
		return -EINVAL;
	}
	return request->pcap ? output_file(output, request->pcap)
			     : output_interface(output, request->interface);
}

static int own_mac(const struct request *request, uint8_t mac[6])
{
	static const uint8_t made[6] = { 0x02, 0x5e, 0x50, 0x00, 0x00, 0x02 };
	int result = 0;

	if (request->source_mac && strcmp(request->source_mac, "interface"))
		return parse_mac("source-mac", request->source_mac, mac);
	if (request->interface)
		result = interface_mac(request->interface, mac);
	else
		memcpy(mac, made, 6);
	return result;
}

static int destination_mac(const struct request *request, uint32_t address, uint8_t mac[6])
{
	static const uint8_t made[6] = { 0x02, 0x5e, 0x50, 0x00, 0x00, 0x01 };
	char text[INET_ADDRSTRLEN];
	int result;

	if (request->destination_mac)
		return parse_mac("destination-mac", request->destination_mac, mac);
	result = request->pcap && ntohl(address) >> 28 < 0xe
			 ? -EHOSTUNREACH
			 : resolve_mac(request->interface ? request->interface : "", address, mac);
	if (!result)
		return 0;
	if (request->pcap) {
		memcpy(mac, made, 6);
		return 0;
	}
	inet_ntop(AF_INET, &address, text, sizeof(text));
	fprintf(stderr, "emulate: nobody on %s answers for %s. Give --destination-mac.\n",
		request->interface, text);
	return result;
}

static int fill_address(struct address *address, const struct model *model,
			const struct request *request)
{
	int result = own_mac(request, address->source_mac);

	address->mtu = (size_t)request->mtu;
	address->tagged = (model->tagged || request->vlan >= 0 || request->pcp >= 0) &&
			  !request->untagged;
	address->vlan = request->vlan >= 0 ? (uint16_t)request->vlan : model->vlan;
	address->pcp = request->pcp >= 0 ? (uint8_t)request->pcp : model->pcp;
	if (result)
		return result;
	if (model->wire == WIRE_ETHERTYPE) {
		if (request->source || request->destination || request->port >= 0 ||
		    request->source_port >= 0) {
			fprintf(stderr,
				"emulate: %s is an Ethernet stream: it has MAC addresses "
				"only, no IP and no ports.\n",
				model->name);
			return -EINVAL;
		}
		return parse_mac("destination-mac",
				 request->destination_mac ? request->destination_mac
							  : model->destination,
				 address->destination_mac);
	}
	address->dscp = model->dscp;
	address->no_checksum = model->no_checksum;
	address->source_port =
		(uint16_t)(request->source_port >= 0 ? request->source_port : model->source_port);
	address->port = (uint16_t)(request->port >= 0 ? request->port : model->port);
	result = parse_ip("source", request->source ? request->source : model->source,
			  &address->source);
	if (!result)
		result = parse_ip("destination",
				  request->destination ? request->destination : model->destination,
				  &address->destination);
	return result ? result
		      : destination_mac(request, address->destination, address->destination_mac);
}

static int parse_faults(struct faults *faults, const char *option, const char *text)
{
	const char *where;

	if (!text || !faults_parse(faults, text, &where))
		return 0;
	return request_wrong(option, where, "a list like 5,17-19, or a chance like 0.01 or 1%");
}

static int run_sensor(const struct model *model, const struct request *request,
		      struct output *output, struct pace *pace)
{
	static struct emit emit;
	static struct truth truth;
	struct run run = { .sensor = model->name, .seed = (uint64_t)request->seed };
	int result;

	emit = (struct emit){
		.output = output,
		.pace = pace,
		.truth = &truth,
		.seed = (uint64_t)request->seed,
		.count = (uint64_t)request->count,
		.stamp = request->stamp,
		.duration_ns = (uint64_t)(request->duration * 1e9),
	};
	if (!emit.count && !emit.duration_ns && request->pcap)
		emit.duration_ns = 1000000000;
	if (parse_faults(&emit.lose, "lose", request->lose) ||
	    parse_faults(&emit.reorder, "reorder", request->reorder) ||
	    parse_faults(&emit.duplicate, "duplicate", request->duplicate) ||
	    parse_faults(&emit.restart, "restart", request->restart))
		return -EINVAL;
	result = fill_address(&emit.address, model, request);
	if (result)
		return result;
	sensor_init(&emit.sensor, model, emit.seed, emit.address.mtu);
	if (request->sequence >= 0)
		emit.sensor.sequence = emit.sensor.image_id = (uint32_t)request->sequence;
	pace_start(pace, request->interface, request->scale, request->realtime);
	result = emit_run(&emit);
	run.where = request->interface ? request->interface : request->pcap;
	run.frames = output->frames;
	run.bytes = output->bytes;
	run.retries = output->retries;
	run.interface_dropped = output_dropped(output);
	run.elapsed_ns = pace->live ? monotonic_ns() - pace->start_ns : emit.packet.due_ns;
	run.late_max_ns = pace->late_max_ns;
	truth_print(&truth, &run, request->json);
	truth_free(&truth);
	faults_free(&emit.lose);
	faults_free(&emit.reorder);
	faults_free(&emit.duplicate);
	faults_free(&emit.restart);
	return result;
}

static void print_replay(const struct replay *replay, const struct output *output,
			 const struct request *request)
{
	double seconds = (double)(monotonic_ns() - replay->pace->start_ns) / 1e9;
	json_t *root;

	if (!request->json) {
		printf("%s: %lu frames of the capture sent as %lu (%lu bytes) in %.3f s, at most "
		       "%.3f ms late, %lu retries, %lu dropped by the interface\n",
		       replay->path, replay->packets, output->frames, output->bytes, seconds,
		       (double)replay->pace->late_max_ns / 1e6, output->retries,
		       output_dropped(output));
		return;
	}
	root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file", replay->path,
			 "packets", (json_int_t)replay->packets, "frames",
			 (json_int_t)output->frames, "bytes", (json_int_t)output->bytes,
			 "elapsed_ns", (json_int_t)(seconds * 1e9), "late_max_ns",
			 (json_int_t)replay->pace->late_max_ns, "retries",
			 (json_int_t)output->retries, "interface_dropped",
			 (json_int_t)output_dropped(output));
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
}

static int run_replay(const char *path, const struct request *request, struct output *output,
		      struct pace *pace)
{
	struct replay replay = {
		.path = path,
		.output = output,
		.pace = pace,
		.mtu = (size_t)request->mtu,
		.fragment = request->fragment,
		.count = (uint64_t)request->count,
		.duration_ns = (uint64_t)(request->duration * 1e9),
	};
	int result = 0;

	if (request->interface)
		interface_mtu(request->interface, &replay.mtu);
	if (request->source_mac) {
		replay.set_source_mac = true;
		result = own_mac(request, replay.source_mac);
	}
	if (!result && request->source) {
		replay.set_source = true;
		result = parse_ip("source", request->source, &replay.source);
	}
	if (!result && request->destination) {
		replay.set_destination = true;
		result = parse_ip("destination", request->destination, &replay.destination);
	}
	if (!result && (request->destination || request->destination_mac)) {
		replay.set_destination_mac = true;
		result = destination_mac(request, replay.destination, replay.destination_mac);
	}
	if (result)
		return result;
	pace_start(pace, request->interface, request->scale, request->realtime);
	result = replay_run(&replay);
	if (result != -EINVAL)
		print_replay(&replay, output, request);
	return result;
}

int main(int argc, char **argv)
{
	static struct output output = { .socket = -1 };
	const struct model *model = NULL;
	struct request request;
	struct pace pace = { 0 };
	bool replay;
	int result, closed, first = request_parse(&request, argc, argv);

	if (first < 0)
		return USAGE;
	if (request.help) {
		request_help();
		return 0;
	}
	replay = first < argc && !strcmp(argv[first], "replay");
	if (!replay && first < argc)
		model = model_find(argv[first]);
	if ((!replay && !model) || argc - first != (replay ? 2 : 1)) {
		fprintf(stderr,
			"emulate: %s: expected one sensor, or replay FILE. See emulate --help.\n",
			first < argc ? argv[first] : "nothing to send");
		return USAGE;
	}
	result = open_output(&output, &request);
	if (!result)
		result = replay ? run_replay(argv[first + 1], &request, &output, &pace)
				: run_sensor(model, &request, &output, &pace);
	closed = output_close(&output);
	if (!result)
		result = closed;
	return result == -EINVAL ? USAGE : result ? 1 : 0;
}

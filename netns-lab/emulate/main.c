// SPDX-License-Identifier: GPL-2.0-only
/* emulate: sends what a sensor sends, or a capture, and says exactly what was sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "replay.h"

#define USAGE 2

static const char help[] =
"usage: emulate SENSOR --interface IF | --pcap FILE [OPTION]...\n"
"       emulate replay FILE --interface IF | --pcap FILE [OPTION]...\n"
"\n"
"Output\n"
"  --interface IF        send raw frames there, at the sensor's pace\n"
"  --pcap FILE           write them to a capture instead: no privileges, no waiting\n"
"  --json                the report as JSON\n"
"  --realtime            SCHED_FIFO: keep the pace on a loaded machine\n"
"Addresses\n"
"  --source IP  --destination IP  --source-port N  --port N\n"
"  --source-mac MAC|interface  --destination-mac MAC  (else by ARP)\n"
"  --vlan ID  --pcp N  --untagged\n"
"  --mtu N               fragments and cameras' packets follow it (1500)\n"
"What is sent\n"
"  --count N             packets, lost ones included (replay: frames)\n"
"  --duration SECONDS\n"
"  --rate-scale X        X times as fast; 0: as fast as possible. Device time stamps stay\n"
"  --seed N              points, pixels and chances (1)\n"
"  --stamp               mark each payload with its index and the time it was sent\n"
"  --sequence N          where the counter begins (1000)\n"
"Faults: LIST is like 5,17-19 (packets from 0), or a chance: 0.01 or 1%\n"
"  --lose LIST           also N/F: only fragment F of packet N\n"
"  --reorder LIST        N:D sends packet N after packet N+D (D is 1 unless given)\n"
"  --duplicate LIST      N:D sends a second copy after packet N+D-1 (D is 1)\n"
"  --restart LIST        counters and the device's clock begin again with this packet\n"
"Replay\n"
"  --speed X             X times as fast; 0: as fast as possible\n"
"  --duration SECONDS    of the capture's time: begins again until they are over\n"
"  --fragment            cut what exceeds the MTU into IP fragments (else it is refused)\n"
"  --source, --destination, --source-mac, --destination-mac replace what the capture has;\n"
"  broadcast and multicast destinations stay\n"
"\n"
"Sensors\n";

enum option_id {
	OPT_INTERFACE = 256, OPT_PCAP, OPT_JSON, OPT_REALTIME, OPT_SOURCE, OPT_DESTINATION,
	OPT_SOURCE_PORT, OPT_PORT, OPT_SOURCE_MAC, OPT_DESTINATION_MAC, OPT_VLAN, OPT_PCP,
	OPT_UNTAGGED, OPT_MTU, OPT_COUNT, OPT_DURATION, OPT_RATE_SCALE, OPT_SEED, OPT_STAMP,
	OPT_SEQUENCE, OPT_LOSE, OPT_REORDER, OPT_DUPLICATE, OPT_RESTART, OPT_FRAGMENT, OPT_HELP,
};

static const struct option options[] = {
	{ "interface", required_argument, NULL, OPT_INTERFACE },
	{ "pcap", required_argument, NULL, OPT_PCAP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "realtime", no_argument, NULL, OPT_REALTIME },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "destination", required_argument, NULL, OPT_DESTINATION },
	{ "source-port", required_argument, NULL, OPT_SOURCE_PORT },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "source-mac", required_argument, NULL, OPT_SOURCE_MAC },
	{ "destination-mac", required_argument, NULL, OPT_DESTINATION_MAC },
	{ "vlan", required_argument, NULL, OPT_VLAN },
	{ "pcp", required_argument, NULL, OPT_PCP },
	{ "untagged", no_argument, NULL, OPT_UNTAGGED },
	{ "mtu", required_argument, NULL, OPT_MTU },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "rate-scale", required_argument, NULL, OPT_RATE_SCALE },
	{ "speed", required_argument, NULL, OPT_RATE_SCALE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "stamp", no_argument, NULL, OPT_STAMP },
	{ "sequence", required_argument, NULL, OPT_SEQUENCE },
	{ "lose", required_argument, NULL, OPT_LOSE },
	{ "reorder", required_argument, NULL, OPT_REORDER },
	{ "duplicate", required_argument, NULL, OPT_DUPLICATE },
	{ "restart", required_argument, NULL, OPT_RESTART },
	{ "fragment", no_argument, NULL, OPT_FRAGMENT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* What was asked for; NULL or -1 where nothing was said. */
struct request {
	const char *interface, *pcap, *source, *destination, *source_mac, *destination_mac;
	const char *lose, *reorder, *duplicate, *restart;
	long source_port, port, vlan, pcp, sequence;
	size_t mtu;
	uint64_t count, seed;
	double duration, scale;
	bool json, realtime, untagged, stamp, fragment;
};

static void print_help(void)
{
	fputs(help, stdout);
	for (size_t i = 0; i < model_count; i++)
		printf("  %-15s %s\n", models[i].name, models[i].what);
}

static int usage(const char *option, const char *text, const char *expected)
{
	fprintf(stderr, "emulate: --%s %s: expected %s. See emulate --help.\n", option, text,
		expected);
	return -EINVAL;
}

static int parse_long(const char *option, const char *text, long low, long high, long *out)
{
	char *end, expected[64];

	errno = 0;
	*out = strtol(text, &end, 10);
	if (!errno && end != text && !*end && *out >= low && *out <= high)
		return 0;
	snprintf(expected, sizeof(expected), "a number from %ld to %ld", low, high);
	return usage(option, text, expected);
}

static int parse_real(const char *option, const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && !*end && *out >= 0 && *out <= 1e6)
		return 0;
	return usage(option, text, "a number, 0 or more");
}

static int parse_mac(const char *option, const char *text, uint8_t mac[6])
{
	char end;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5], &end) == 6)
		return 0;
	return usage(option, text, "a MAC address");
}

static int parse_ip(const char *option, const char *text, uint32_t *out)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return usage(option, text, "an IPv4 address");
	*out = in.s_addr;
	return 0;
}

static int take(struct request *request, int id, const char *option, const char *text)
{
	long value = 0;
	int result = 0;

	switch ((enum option_id)id) {
	case OPT_INTERFACE: request->interface = text; break;
	case OPT_PCAP: request->pcap = text; break;
	case OPT_JSON: request->json = true; break;
	case OPT_REALTIME: request->realtime = true; break;
	case OPT_SOURCE: request->source = text; break;
	case OPT_DESTINATION: request->destination = text; break;
	case OPT_SOURCE_MAC: request->source_mac = text; break;
	case OPT_DESTINATION_MAC: request->destination_mac = text; break;
	case OPT_UNTAGGED: request->untagged = true; break;
	case OPT_STAMP: request->stamp = true; break;
	case OPT_FRAGMENT: request->fragment = true; break;
	case OPT_LOSE: request->lose = text; break;
	case OPT_REORDER: request->reorder = text; break;
	case OPT_DUPLICATE: request->duplicate = text; break;
	case OPT_RESTART: request->restart = text; break;
	case OPT_SOURCE_PORT: return parse_long(option, text, 1, 65535, &request->source_port);
	case OPT_PORT: return parse_long(option, text, 1, 65535, &request->port);
	case OPT_VLAN: return parse_long(option, text, 0, 4094, &request->vlan);
	case OPT_PCP: return parse_long(option, text, 0, 7, &request->pcp);
	case OPT_SEQUENCE: return parse_long(option, text, 0, UINT32_MAX, &request->sequence);
	case OPT_MTU:
		result = parse_long(option, text, 576, 65535, &value);
		request->mtu = (size_t)value;
		break;
	case OPT_COUNT:
		result = parse_long(option, text, 1, INT64_MAX, &value);
		request->count = (uint64_t)value;
		break;
	case OPT_SEED:
		result = parse_long(option, text, 0, INT64_MAX, &value);
		request->seed = (uint64_t)value;
		break;
	case OPT_DURATION: return parse_real(option, text, &request->duration);
	case OPT_RATE_SCALE: return parse_real(option, text, &request->scale);
	case OPT_HELP: break;
	}
	return result;
}

static int open_output(struct output *output, const struct request *request)
{
	if (!request->interface == !request->pcap) {
		fputs("emulate: say where to: --interface IF or --pcap FILE, one of them.\n",
		      stderr);
		return -EINVAL;
	}
	return request->pcap ? output_file(output, request->pcap) :
			       output_interface(output, request->interface);
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
	result = request->pcap && ntohl(address) >> 28 < 0xe ? -EHOSTUNREACH :
		 resolve_mac(request->interface ? request->interface : "", address, mac);
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

	address->mtu = request->mtu;
	address->tagged = (model->tagged || request->vlan >= 0 || request->pcp >= 0) &&
			  !request->untagged;
	address->vlan = request->vlan >= 0 ? (uint16_t)request->vlan : model->vlan;
	address->pcp = request->pcp >= 0 ? (uint8_t)request->pcp : model->pcp;
	if (result)
		return result;
	if (model->wire == WIRE_ETHERTYPE) {
		if (request->source || request->destination || request->port >= 0 ||
		    request->source_port >= 0) {
			fprintf(stderr, "emulate: %s is an Ethernet stream: it has MAC addresses "
				"only, no IP and no ports.\n", model->name);
			return -EINVAL;
		}
		return parse_mac("destination-mac", request->destination_mac ?
				 request->destination_mac : model->destination,
				 address->destination_mac);
	}
	address->dscp = model->dscp;
	address->no_checksum = model->no_checksum;
	address->source_port = (uint16_t)(request->source_port >= 0 ? request->source_port :
					  model->source_port);
	address->port = (uint16_t)(request->port >= 0 ? request->port : model->port);
	result = parse_ip("source", request->source ? request->source : model->source,
			  &address->source);
	if (!result)
		result = parse_ip("destination", request->destination ? request->destination :
				  model->destination, &address->destination);
	return result ? result : destination_mac(request, address->destination,
						 address->destination_mac);
}

static int parse_faults(struct faults *faults, const char *option, const char *text)
{
	const char *where;

	if (!text || !faults_parse(faults, text, &where))
		return 0;
	return usage(option, where, "a list like 5,17-19, or a chance like 0.01 or 1%");
}

static int run_sensor(const struct model *model, const struct request *request,
		      struct output *output, struct pace *pace)
{
	static struct emit emit;
	static struct truth truth;
	struct run run = { .sensor = model->name, .seed = request->seed };
	int result;

	emit = (struct emit){
		.output = output, .pace = pace, .truth = &truth, .seed = request->seed,
		.count = request->count, .stamp = request->stamp,
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
	sensor_init(&emit.sensor, model, request->seed, request->mtu);
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
		       "%.3f ms late, %lu retries, %lu dropped by the interface\n", replay->path,
		       replay->packets, output->frames, output->bytes, seconds,
		       (double)replay->pace->late_max_ns / 1e6, output->retries,
		       output_dropped(output));
		return;
	}
	root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file", replay->path,
			 "packets", (json_int_t)replay->packets,
			 "frames", (json_int_t)output->frames, "bytes", (json_int_t)output->bytes,
			 "elapsed_ns", (json_int_t)(seconds * 1e9),
			 "late_max_ns", (json_int_t)replay->pace->late_max_ns,
			 "retries", (json_int_t)output->retries,
			 "interface_dropped", (json_int_t)output_dropped(output));
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
}

static int run_replay(const char *path, const struct request *request, struct output *output,
		      struct pace *pace)
{
	struct replay replay = {
		.path = path, .output = output, .pace = pace, .mtu = request->mtu,
		.fragment = request->fragment, .count = request->count,
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
	struct request request = { .source_port = -1, .port = -1, .vlan = -1, .pcp = -1,
				   .sequence = -1, .mtu = 1500, .seed = 1, .scale = 1 };
	const struct model *model = NULL;
	struct pace pace = { 0 };
	bool replay;
	int id, result, place = -1;

	while ((id = getopt_long(argc, argv, "", options, &place)) != -1) {
		if (id == OPT_HELP) {
			print_help();
			return 0;
		}
		if (id == '?' || take(&request, id, options[place].name, optarg))
			return USAGE;
	}
	replay = optind < argc && !strcmp(argv[optind], "replay");
	if (!replay && optind < argc)
		model = model_find(argv[optind]);
	if ((!replay && !model) || argc - optind != (replay ? 2 : 1)) {
		fprintf(stderr, "emulate: %s: expected one sensor, or replay FILE. See emulate "
			"--help.\n", optind < argc ? argv[optind] : "nothing to send");
		return USAGE;
	}
	result = open_output(&output, &request);
	if (!result)
		result = replay ? run_replay(argv[optind + 1], &request, &output, &pace) :
				  run_sensor(model, &request, &output, &pace);
	id = output_close(&output);
	if (!result)
		result = id;
	return result == -EINVAL ? USAGE : result ? 1 : 0;
}

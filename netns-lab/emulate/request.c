// SPDX-License-Identifier: GPL-2.0-only
#include "request.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "sensor.h"

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

struct rule {
	const char *name;
	enum { TEXT, FLAG, NUMBER, REAL } kind;
	size_t at;
	long low, high;
};

#define AT(member) offsetof(struct request, member)

static const struct rule rules[] = {
	{ "interface", TEXT, AT(interface), 0, 0 },
	{ "pcap", TEXT, AT(pcap), 0, 0 },
	{ "json", FLAG, AT(json), 0, 0 },
	{ "realtime", FLAG, AT(realtime), 0, 0 },
	{ "source", TEXT, AT(source), 0, 0 },
	{ "destination", TEXT, AT(destination), 0, 0 },
	{ "source-port", NUMBER, AT(source_port), 1, 65535 },
	{ "port", NUMBER, AT(port), 1, 65535 },
	{ "source-mac", TEXT, AT(source_mac), 0, 0 },
	{ "destination-mac", TEXT, AT(destination_mac), 0, 0 },
	{ "vlan", NUMBER, AT(vlan), 0, 4094 },
	{ "pcp", NUMBER, AT(pcp), 0, 7 },
	{ "untagged", FLAG, AT(untagged), 0, 0 },
	{ "mtu", NUMBER, AT(mtu), 576, 65535 },
	{ "count", NUMBER, AT(count), 1, INT64_MAX },
	{ "duration", REAL, AT(duration), 0, 0 },
	{ "rate-scale", REAL, AT(scale), 0, 0 },
	{ "speed", REAL, AT(scale), 0, 0 },
	{ "seed", NUMBER, AT(seed), 0, INT64_MAX },
	{ "stamp", FLAG, AT(stamp), 0, 0 },
	{ "sequence", NUMBER, AT(sequence), 0, UINT32_MAX },
	{ "lose", TEXT, AT(lose), 0, 0 },
	{ "reorder", TEXT, AT(reorder), 0, 0 },
	{ "duplicate", TEXT, AT(duplicate), 0, 0 },
	{ "restart", TEXT, AT(restart), 0, 0 },
	{ "fragment", FLAG, AT(fragment), 0, 0 },
	{ "help", FLAG, AT(help), 0, 0 },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

void request_help(void)
{
	fputs(help, stdout);
	for (size_t i = 0; i < model_count; i++)
		printf("  %-15s %s\n", models[i].name, models[i].what);
}

int request_wrong(const char *option, const char *text, const char *expected)
{
	fprintf(stderr, "emulate: --%s %s: expected %s. See emulate --help.\n", option, text,
		expected);
	return -EINVAL;
}

static int take_number(const struct rule *rule, const char *text, long *out)
{
	char *end, expected[64];

	errno = 0;
	*out = strtol(text, &end, 10);
	if (!errno && end != text && !*end && *out >= rule->low && *out <= rule->high)
		return 0;
	snprintf(expected, sizeof(expected), "a number from %ld to %ld", rule->low, rule->high);
	return request_wrong(rule->name, text, expected);
}

static int take_real(const struct rule *rule, const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && !*end && *out >= 0 && *out <= 1e6)
		return 0;
	return request_wrong(rule->name, text, "a number, 0 or more");
}

static int take(const struct rule *rule, const char *text, struct request *request)
{
	void *at = (char *)request + rule->at;

	switch (rule->kind) {
	case TEXT:
		*(const char **)at = text;
		return 0;
	case FLAG:
		*(bool *)at = true;
		return 0;
	case NUMBER:
		return take_number(rule, text, at);
	case REAL:
		return take_real(rule, text, at);
	}
	return -EINVAL;
}

int request_parse(struct request *request, int argc, char **argv)
{
	struct option options[RULES + 1] = { 0 };
	int id, place, result;

	*request = (struct request){
		.source_port = -1,
		.port = -1,
		.vlan = -1,
		.pcp = -1,
		.sequence = -1,
		.mtu = 1500,
		.seed = 1,
		.scale = 1,
	};
	for (size_t i = 0; i < RULES; i++) {
		options[i].name = rules[i].name;
		options[i].has_arg = rules[i].kind == FLAG ? no_argument : required_argument;
	}
	while ((id = getopt_long(argc, argv, "", options, &place)) != -1) {
		result = id ? -EINVAL : take(&rules[place], optarg, request);
		if (result)
			return result;
	}
	return optind;
}

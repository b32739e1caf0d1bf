// SPDX-License-Identifier: GPL-2.0-only
/* sink: reads one stream as a driver would, until SIGTERM, and says what it got. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

volatile sig_atomic_t sink_stop;

static void on_signal(int signal)
{
	(void)signal;
	sink_stop = 1;
}

static const struct option options[] = {
	{ "name", required_argument, NULL, 'n' },
	{ "port", required_argument, NULL, 'p' },
	{ "from", required_argument, NULL, 'f' },
	{ "local", required_argument, NULL, 'l' },
	{ "group", required_argument, NULL, 'g' },
	{ "ethertype", required_argument, NULL, 'e' },
	{ "interface", required_argument, NULL, 'i' },
	{ "buffer", required_argument, NULL, 'b' },
	{ "stamp-offset", required_argument, NULL, 's' },
	{ "duration", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char help[] =
	"usage: sink udp --port N [--local IP] [--from IP:PORT] [--group IP]   a UDP socket\n"
	"       sink packet --interface IF --ethertype 0x88B5     a packet socket\n"
	"       sink stream --interface IF --name STREAM          a stream of sensorctl serve\n"
	"\n"
	"  --buffer BYTES        socket buffer (the system's default, net.core.rmem_default)\n"
	"  --stamp-offset N      where emulate --stamp left its mark\n"
	"  --name NAME           in the report\n"
	"  --duration SECONDS    else until SIGTERM\n";

static int parse_from(const char *text, struct sink *sink)
{
	char address[64];
	unsigned int port;
	struct in_addr in;

	if (sscanf(text, "%63[0-9.]:%u", address, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, address, &in) != 1)
		return -EINVAL;
	sink->from = in.s_addr;
	sink->from_port = (uint16_t)port;
	return 0;
}

static int parse(struct sink *sink, int option, const char *text)
{
	switch (option) {
	case 'n':
		sink->account.name = text;
		return 0;
	case 'p':
		sink->port = (uint16_t)strtoul(text, NULL, 0);
		return sink->port ? 0 : -EINVAL;
	case 'f':
		return parse_from(text, sink);
	case 'l':
		return inet_pton(AF_INET, text, &sink->local) == 1 ? 0 : -EINVAL;
	case 'g':
		return inet_pton(AF_INET, text, &sink->group) == 1 ? 0 : -EINVAL;
	case 'e':
		sink->ethertype = (uint16_t)strtoul(text, NULL, 0);
		return sink->ethertype ? 0 : -EINVAL;
	case 'i':
		sink->interface = text;
		return 0;
	case 'b':
		sink->buffer = atoi(text);
		return sink->buffer > 0 ? 0 : -EINVAL;
	case 's':
		sink->account.stamp_offset = strtoul(text, NULL, 0);
		return 0;
	case 'd':
		return atoi(text) > 0 ? (int)(alarm((unsigned int)atoi(text)), 0) : -EINVAL;
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	static struct sink sink = { .account.name = "" };
	const char *kind;
	int option, result;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (parse(&sink, option, optarg)) {
			fputs("sink: an option is wrong. See sink --help.\n", stderr);
			return 2;
		}
	}
	kind = optind + 1 == argc ? argv[optind] : "";
	if (!strcmp(kind, "udp") && sink.port) {
		result = sink_udp(&sink);
	} else if (!strcmp(kind, "packet") && sink.interface && sink.ethertype) {
		result = sink_packet(&sink);
	} else if (!strcmp(kind, "stream") && sink.interface && *sink.account.name) {
		result = sink_stream(&sink);
	} else {
		fputs("sink: expected udp --port N, packet --interface IF --ethertype N, or stream "
		      "--interface IF --name STREAM. See sink --help.\n",
		      stderr);
		return 2;
	}
	if (result)
		return 1;
	account_print(&sink.account);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many LiDAR packets a second reach a program through `sensorctl serve`, and how many through
 * recvmmsg() on a UDP socket, in the same run; and whether any is lost at a million a second.
 *
 *	stream_bench SENSORCTL BPFFS IFACE STREAM ADDRESS [SECONDS [ROUNDS]]
 *
 * IFACE has sensorctl attached with a profile that delivers UDP port 2368 as STREAM by af_xdp;
 * ADDRESS is one of its own. Packets are fed by BPF_PROG_TEST_RUN with live frames, as fast
 * as it can, from CPU 0; broker, reader and the UDP peer run on the last CPU. Both
 * readers sum one byte of each cache line. The stream's reader also asks whether each datagram
 * was valid. The peer's packets come through a program that is nothing but XDP_PASS.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/attached.h"
#include "xdp/stream/reader.h"

#define PAYLOAD	     1206
#define PORT	     2368
#define BATCH	     64
#define FLAT_OUT     2000000 /* packets for each second of a run */
#define PACED	     1000000 /* packets a second of the loss run, */
#define PACED_BATCH  256     /* in bursts of so many */
#define NICE	     -19     /* of feeder and readers: other work is not what is measured */
#define ROUNDS_MOST  31
#define SOCKET_BYTES (32 << 20)

struct shared {
	volatile uint64_t read, missed, sum;
	volatile int ready, stop;
};

struct bench {
	const char *sensorctl, *bpffs, *interface, *stream, *address;
	unsigned int ifindex;
	int program, pass;
	char frame[sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) + PAYLOAD];
	int feeder_cpu, reader_cpu;
	struct shared *shared;
};

static void die(const char *what)
{
	fprintf(stderr, "stream_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("can't pin to a CPU");
}

/* Other work on this machine is not what is measured; where there are autogroups, nice says little. */
static void be_important(void)
{
	FILE *file;

	setsid();
	file = fopen("/proc/self/autogroup", "w");
	if (file) {
		fprintf(file, "%d\n", NICE);
		fclose(file);
	}
	setpriority(PRIO_PROCESS, 0, NICE);
}

static void make_frame(struct bench *bench)
{
	struct ethhdr *ethernet = (struct ethhdr *)bench->frame;
	struct iphdr *ip = (struct iphdr *)(ethernet + 1);
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	struct ifreq request = { 0 };
	uint32_t sum = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", bench->interface);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		die("can't get the address of the interface");
	close(fd);
	memcpy(ethernet->h_dest, request.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(ethernet->h_source, "\x02\0\0\0\0\1", ETH_ALEN);
	ethernet->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
	ip->tot_len = htons(sizeof(*ip) + sizeof(*udp) + PAYLOAD);
	ip->frag_off = htons(0x4000);
	inet_pton(AF_INET, bench->address, &ip->daddr);
	ip->saddr = ip->daddr ^ htonl(3); /* a neighbour, as .2 is of .1 */
	for (unsigned int i = 0; i < sizeof(*ip) / 2; i++)
		sum += ((uint16_t *)ip)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (uint16_t)~(sum + (sum >> 16));
	udp->source = udp->dest = htons(PORT);
	udp->len = htons(sizeof(*udp) + PAYLOAD);
	memset(udp + 1, 0x5a, PAYLOAD);
}

static uint64_t feed(struct bench *bench, int program, uint32_t count)
{
	struct xdp_md context = { .data_end = sizeof(bench->frame),
				  .ingress_ifindex = bench->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bench->frame,
		    .data_size_in = sizeof(bench->frame), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = (int)count,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	if (bpf_prog_test_run_opts(program, &options))
		die("can't feed live frames");
	return count;
}

static uint64_t sum_lines(const char *data, size_t bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < bytes; i += 64)
		sum += (unsigned char)data[i];
	return sum;
}

static void read_stream(struct bench *bench)
{
	struct shared *shared = bench->shared;
	struct reader_datagram datagram;
	struct reader *reader;
	char path[108], message[256] = "";
	uint64_t sum = 0;
	int tries = 0;

	reader_path(path, sizeof(path), bench->interface);
	while (reader_open(&reader, path, bench->stream, message, sizeof(message))) {
		if (++tries == 300) {
			fprintf(stderr, "stream_bench: %s\n", message);
			exit(1);
		}
		usleep(10000);
	}
	shared->ready = 1;
	while (!shared->stop) {
		int result = reader_next(reader, &datagram, 20);

		if (result < 0)
			exit(1);
		if (!result)
			continue;
		sum += sum_lines(datagram.piece[0].iov_base, datagram.piece[0].iov_len);
		reader_valid(reader, &datagram);
		shared->read = reader_count(reader).read;
		shared->missed = reader_count(reader).missed;
	}
	shared->sum = sum;
	reader_close(reader);
	exit(0);
}

static void read_socket(struct bench *bench)
{
	static char data[BATCH][2048];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const struct timeval patience = { .tv_usec = 20000 };
	struct shared *shared = bench->shared;
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = SOCKET_BYTES;
	uint64_t sum = 0, count = 0;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("can't bind the UDP socket");
	shared->ready = 1;
	while (!shared->stop) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		for (int i = 0; i < n; i++)
			sum += sum_lines(data[i], messages[i].msg_len);
		if (n > 0)
			shared->read = count += (uint64_t)n;
	}
	shared->sum = sum;
	exit(0);
}

static pid_t start_reader(struct bench *bench, void (*body)(struct bench *))
{
	pid_t pid;

	memset(bench->shared, 0, sizeof(*bench->shared));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(bench->reader_cpu);
		body(bench);
	}
	for (int i = 0; !bench->shared->ready; i++) {
		if (i == 400 || waitpid(pid, NULL, WNOHANG) == pid)
			die("the reader did not start");
		usleep(10000);
	}
	return pid;
}

static pid_t start_broker(struct bench *bench)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		pin(bench->reader_cpu);
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(bench->sensorctl, bench->sensorctl, "--bpffs", bench->bpffs, "serve",
		      bench->interface, NULL);
		_exit(127);
	}
	return pid;
}

static void stop_reader(struct bench *bench, pid_t pid)
{
	usleep(100000);
	bench->shared->stop = 1;
	waitpid(pid, NULL, 0);
}

static void stop_broker(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/*
 * Packets a second that were read while the feeder ran flat out: one call, as each has a
 * cost of its own, up to 20 ms where the stack still holds packets of the last one.
 */
static double saturate(struct bench *bench, int program, double seconds, double *offered)
{
	uint64_t begin, end, first, count = (uint64_t)(seconds * FLAT_OUT);

	feed(bench, program, 4096);
	usleep(100000);
	first = bench->shared->read;
	begin = now_ns();
	feed(bench, program, (uint32_t)count);
	end = now_ns();
	*offered = (double)count * 1e9 / (double)(end - begin);
	return (double)(bench->shared->read - first) * 1e9 / (double)(end - begin);
}

/* Packets sent at an even million a second that did not arrive. */
static uint64_t pace(struct bench *bench, int program, double seconds, uint64_t *sent, double *rate)
{
	uint64_t begin = now_ns(), next = begin, first = bench->shared->read;
	uint64_t end = begin + (uint64_t)(seconds * 1e9);

	*sent = 0;
	while (now_ns() < end) {
		while (now_ns() < next)
			;
		*sent += feed(bench, program, PACED_BATCH);
		next += PACED_BATCH * (1000000000ull / PACED);
	}
	*rate = (double)*sent * 1e9 / (double)(now_ns() - begin);
	usleep(200000);
	return *sent - (bench->shared->read - first);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[count / 2];
}

static int load_pass(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);

	if (fd < 0)
		die("can't load an XDP program");
	return fd;
}

static void measure(struct bench *bench, double seconds, int rounds)
{
	double stream[ROUNDS_MOST], udp[ROUNDS_MOST], offered_stream[ROUNDS_MOST],
		offered_udp[ROUNDS_MOST], ratio[ROUNDS_MOST], rate;
	uint64_t lost, missed, sent;
	json_t *document;
	pid_t broker, reader;

	for (int i = 0; i < rounds; i++) {
		broker = start_broker(bench);
		reader = start_reader(bench, read_stream);
		stream[i] = saturate(bench, bench->program, seconds, &offered_stream[i]);
		stop_reader(bench, reader);
		stop_broker(broker);
		reader = start_reader(bench, read_socket);
		udp[i] = saturate(bench, bench->pass, seconds, &offered_udp[i]);
		stop_reader(bench, reader);
		ratio[i] = stream[i] / udp[i];
		fprintf(stderr,
			"round %d: stream %.2f of %.2f Mpps, recvmmsg %.2f of %.2f Mpps: %.2f times\n",
			i + 1, stream[i] / 1e6, offered_stream[i] / 1e6, udp[i] / 1e6,
			offered_udp[i] / 1e6, ratio[i]);
	}
	broker = start_broker(bench);
	reader = start_reader(bench, read_stream);
	lost = pace(bench, bench->program, seconds * 2, &sent, &rate);
	missed = bench->shared->missed;
	stop_reader(bench, reader);
	stop_broker(broker);
	fprintf(stderr,
		"at %.2f Mpps: %" PRIu64 " of %" PRIu64 " lost, %" PRIu64
		" of them missed by the reader\n",
		rate / 1e6, lost, sent, missed);
	document = json_pack("{s:s, s:i, s:f, s:s, s:s, s:{s:i, s:i}, s:i, s:f, s:f, s:f, s:f, s:f,"
			     " s:{s:f, s:I, s:I, s:I}}",
			     "benchmark", "stream", "packet_bytes", (int)sizeof(bench->frame),
			     "seconds", seconds, "feeder", "BPF_PROG_TEST_RUN live frames", "work",
			     "one byte of each cache line summed", "cpus", "feeder",
			     bench->feeder_cpu, "readers", bench->reader_cpu, "rounds", rounds,
			     "stream_pps", median(stream, rounds), "recvmmsg_pps",
			     median(udp, rounds), "offered_stream_pps",
			     median(offered_stream, rounds), "offered_recvmmsg_pps",
			     median(offered_udp, rounds), "ratio", median(ratio, rounds), "paced",
			     "rate_pps", rate, "sent", (json_int_t)sent, "lost", (json_int_t)lost,
			     "missed", (json_int_t)missed);
	json_dumpf(document, stdout, JSON_INDENT(2));
	puts("");
	json_decref(document);
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	struct globals globals = { 0 };
	struct attached *attached;
	struct error error;
	double seconds = argc > 6 ? atof(argv[6]) : 2;
	int rounds = argc > 7 ? atoi(argv[7]) : 5;

	if (argc < 6 || seconds <= 0 || rounds < 1 || rounds > ROUNDS_MOST) {
		fputs("usage: stream_bench SENSORCTL BPFFS IFACE STREAM ADDRESS [SECONDS [ROUNDS]]\n",
		      stderr);
		return 2;
	}
	bench.sensorctl = argv[1];
	bench.bpffs = globals.bpffs = argv[2];
	bench.interface = argv[3];
	bench.stream = argv[4];
	bench.address = argv[5];
	if (attached_open(&globals, bench.interface, &attached, &error)) {
		fprintf(stderr, "stream_bench: %s\n", error.message);
		return 1;
	}
	bench.ifindex = attached->ifindex;
	bench.program = attached->program;
	bench.pass = load_pass();
	bench.feeder_cpu = 0;
	bench.reader_cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	bench.shared = mmap(NULL, sizeof(*bench.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_frame(&bench);
	pin(bench.feeder_cpu);
	be_important();
	fprintf(stderr,
		"feeder on CPU %d; broker, reader and UDP reader on CPU %d; all but the broker nice %d\n",
		bench.feeder_cpu, bench.reader_cpu, NICE);
	measure(&bench, seconds, rounds);
	attached_close(attached);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the data path keeps while it runs: counters, instances, leases, buckets. All of it
 * lives in maps of its own, outside the profile image and keyed by a stream's
 * stable id, so a swap leaves it alone.
 */
#ifndef SENSORCTL_STATE_H
#define SENSORCTL_STATE_H

#include "types.h"

#define STATE_VERSION	  1u
#define STREAM_IDS	  256u /* stable ids; slot of the name table */
#define OTHER_ID	  256u /* the row of everything that is no stream */
#define COUNTER_ROWS	  257u
#define INSTANCES	  8u	   /* sensors told apart within one stream */
#define SAMPLE_SLOTS	  8u	   /* recent samples an instance remembers */
#define HISTOGRAM_BUCKETS (38 * 8) /* base 2, 8 sub-buckets, 1 ns .. 2^37 ns */
#define PRESSURE_SOURCES  8u

enum verdict {
	VERDICT_AF_XDP,
	VERDICT_STACK,
	VERDICT_DROP,
	VERDICT_CPU,
	VERDICT_INTERFACE,
	VERDICT_REFLECT,
	VERDICTS,
};

enum reason {
	REASON_PROFILE, /* as the stream's deliver says */
	REASON_DEFAULT, /* no stream matched */
	REASON_ESSENTIAL,
	REASON_NO_LEASE,	 /* no broker, or one that is stuck */
	REASON_NO_READER,	 /* a broker, but nobody reads the stream */
	REASON_RING_FULL,	 /* no credit left */
	REASON_FRAGMENT_UNKNOWN, /* a fragment whose first one was not seen */
	REASON_RATE,
	REASON_PRESSURE,
	REASON_THINNED,
	REASON_ROGUE,
	REASON_MALFORMED, /* could not be parsed; passes */
	REASON_REDIRECT_FAILED,
	REASONS,
};

/* Essentials, checked before the streams. 0 is none. */
enum essential {
	ESSENTIAL_NONE,
	ESSENTIAL_ICMP,
	ESSENTIAL_ND,
	ESSENTIAL_IGMP, /* and MLD */
	ESSENTIAL_ARP,
	ESSENTIAL_PTP,
	ESSENTIAL_NTP,
	ESSENTIAL_DHCP,
	ESSENTIAL_LLDP,
	ESSENTIAL_STP,
	ESSENTIAL_LACP,
	ESSENTIAL_EAPOL,
	ESSENTIAL_CONTROL,
	ESSENTIAL_CONTROL_NAMED, /* control only from a source that a stream names */
	ESSENTIALS,
};

enum protocol {
	PROTOCOL_TCP,
	PROTOCOL_UDP,
	PROTOCOL_ICMP,
	PROTOCOL_ICMPV6,
	PROTOCOL_ARP,
	PROTOCOL_PTP,
	PROTOCOL_OTHER,
	PROTOCOLS = 8,
};

/*
 * One row for each stable id and CPU, and one for everything else. Only the CPU that
 * owns a row writes it. A packet adds one to exactly one cell of by[][], which
 * gives `packets`, `verdicts` and `reasons` in one increment. lost and samples are sums of
 * signed contributions: a CPU that takes back what another one counted goes below zero.
 */
struct counters {
	__u64 bytes;
	__u64 last_ns; /* CLOCK_MONOTONIC; the coarse clock unless precise */
	__s64 lost;
	__u64 reordered;
	__u64 duplicate;
	__u64 restarts;
	__u64 fragments;		   /* packets that are fragments */
	__u64 first_fragments;		   /* of them, first ones: datagrams */
	__s64 samples;			   /* samples that began */
	__s64 samples_incomplete;	   /* of them, finished ones with a hole */
	__u64 untracked;		   /* packets of a ninth instance and later ones */
	__u64 instance_packets[INSTANCES]; /* datagrams by instance */
	__s64 instance_lost[INSTANCES];
	__u64 interarrival_max_ns;
	__u64 by[8][16]; /* [verdict][reason] */
	__u64 protocol[PROTOCOLS];
	__u64 interarrival[HISTOGRAM_BUCKETS];
};

/*
 * A recent sample of an instance (sample.h). Each word carries the tag of the sample it
 * speaks of in its high half, so whoever reads one knows whether it is still that sample.
 */
struct sample_slot {
	__u64 received; /* tag << 32 | packets that came, duplicates not counted */
	__u64 first;	/* tag << 32 | position of its first packet */
};

/*
 * One sensor within a stream. Words that several CPUs change are changed by one
 * compare-and-exchange each; the layout of each is drawn in the header that owns it.
 */
struct instance {
	__u64 sequence;	       /* sequence.h */
	__u64 sample;	       /* sample.h */
	__u64 last_ns;	       /* arrival of the last datagram (precise streams) */
	__u32 per_sample;      /* learned packets of a sample; 0: not yet */
	__u32 per_sample_less; /* a smaller number, << 8 | times it was seen in a row */
	struct sample_slot slot[SAMPLE_SLOTS];
	__u64 address[2]; /* source, wire order: v4 in 4 bytes, v6, or MAC in 6 bytes */
	__u64 key;
	__u16 port;
	__u8 family; /* 4, 6, or 0 for a MAC */
	__u8 ready;  /* identity above is written */
	__u32 pad2;
};

/* The instances of one stable id. tag is a hash of the identity; 0: free. */
struct instances {
	__u64 tag[INSTANCES];
	struct instance instance[INSTANCES];
};

/*
 * Lease and credit of one (stream, queue); key: id * queues + queue, as in the
 * XSKMAP. The broker writes the first cache line, the program the second. mmap-able.
 */
struct lease {
	__u64 deadline_ns; /* CLOCK_MONOTONIC; redirect only before it. 0: none */
	__u32 credit;	   /* frames that may lie between program and broker */
	__u32 limit;	   /* the same for later fragments of an accepted datagram */
	__u32 drained;	   /* frames the broker took from the RX ring */
	__u32 reason;	   /* enum reason while there is no lease: NO_LEASE or NO_READER */
	__u64 lost;	   /* frames redirected that no broker ever got */
	__u32 max_bytes;   /* of a frame; the kernel drops longer ones in silence. 0: no limit */
	__u8 pad[28];
	__u32 sent; /* frames redirected */
	__u8 pad2[60];
};

/* Machine-wide: level of each source, (deadline in ms << 8 | level); mmap-able. */
struct pressure {
	__u64 slot[PRESSURE_SOURCES];
};

/*
 * One entry, mmap-able: what the broker and the verbs tell each other. The active
 * image is the truth; generation is copied here after each swap so that a
 * broker sees it without a system call.
 */
struct control {
	__u32 version; /* STATE_VERSION */
	__u32 ifindex;
	__u32 queues; /* factor of the lease and XSKMAP keys */
	__u32 mode;   /* enum attach_mode of ctl */
	__u64 generation;
	__u64 attached_at_ns;	   /* CLOCK_REALTIME */
	__u64 broker_heartbeat_ns; /* CLOCK_MONOTONIC; broker alive while recent */
	__u32 broker_pid;
	__u32 broker_queues;	 /* queues that are bound */
	__u32 broker_zero_copy;	 /* of them, with zero copy */
	__u32 broker_scheduling; /* 0 other, 1 SCHED_FIFO, 2 nice -20 */
	__u64 broker_lease_ns;
	char interface[16]; /* its name when it was attached */
	__u64 test_ns;	    /* the time, in builds that take it from here */
};

/* Stable id -> name; the name table. */
struct name_entry {
	char name[48]; /* "": free */
	char protocol[48];
	__u64 generation; /* of the last image that used it */
};

/* In front of each frame that goes to a broker: bpf_xdp_adjust_meta(). */
#define META_MAGIC 0x534du
enum meta_flag {
	META_PRECISE = 1 << 0,	/* time_ns is the receive time of this very packet */
	META_FIRST = 1 << 1,	/* first packet of a sample */
	META_LAST = 1 << 2,	/* last packet of a sample, as far as the sensor marks it */
	META_FRAGMENT = 1 << 3, /* an IP fragment */
	META_SEQUENCE = 1 << 4, /* device_sequence is there */
	META_SAMPLE = 1 << 5,	/* sample is there */
	META_GAP = 1 << 6,	/* lost_before datagrams are missing before this one */
};

struct meta {
	__u64 time_ns;	       /* CLOCK_MONOTONIC */
	__u64 device_sequence; /* the raw counter or time stamp of the sensor */
	__u32 sample;	       /* ordinal of the sample within its instance */
	__u32 lost_before;
	__u16 instance; /* 0..INSTANCES-1, 0xffff: untracked */
	__u16 stream;	/* stable id */
	__u16 flags;	/* enum meta_flag */
	__u16 magic;	/* META_MAGIC; the last two bytes before the frame */
};

_Static_assert(sizeof(struct lease) == 128, "lease");
_Static_assert(sizeof(struct meta) == 32, "meta");
_Static_assert(sizeof(struct instance) % 8 == 0, "instance");
_Static_assert(sizeof(struct counters) % 8 == 0, "counters");

#endif

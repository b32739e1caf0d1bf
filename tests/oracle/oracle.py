#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `sensorctl explain FILE.pcap --profile P --json` must print, worked out from scratch.

oracle.py CAPTURE --profile NAME|FILE [--profile-path DIR[:DIR]] [--packets]
oracle.py CAPTURE --profile NAME|FILE --compare EXPLAIN.json    exit 1 and a list if they differ
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from capture import ICMP, ICMPV6, IGMP, TCP, UDP, Packet, frames  # noqa: E402
from profiles import Profile, Protocol  # noqa: E402
from sequence import Sensor  # noqa: E402

VERDICTS = ("af_xdp", "stack", "drop", "cpu", "interface", "reflect")
REASONS = ("profile", "default", "essential", "no_lease", "no_reader", "ring_full",
           "fragment_unknown", "rate", "pressure", "thinned", "rogue", "malformed",
           "redirect_failed")
PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "arp", "ptp", "other")
INSTANCES = 8
FRAGMENT_NS = 200 * 10**6
NOTHING = Protocol({"protocol": ""})

ETHERTYPES = {0x0806: "arp", 0x88F7: "ptp", 0x88CC: "lldp", 0x8809: "lacp", 0x888E: "eapol",
              0x88E5: "eapol"}
LIVOX = {55000, 65000, 56000, 56100, 56101}
UDP_PORTS = {**{port: "control" for port in {3956, 30490, 13400} | LIVOX},
             319: "ptp", 320: "ptp", 123: "ntp", 67: "dhcp", 68: "dhcp", 546: "dhcp", 547: "dhcp"}
TCP_PORTS = {9347: "control", 554: "control"}
TCP_NAMED = {80, 7501}


def essential(packet, profile):
    """The kind of essential a packet is, None if it is none."""
    if packet.llc:
        return "stp" if packet.payload[:2] == b"\x42\x42" else None
    if packet.ip is None:
        return ETHERTYPES.get(packet.ethertype)
    ports = {packet.source_port, packet.destination_port}
    if packet.ip_protocol == IGMP:
        return "igmp"
    if packet.ip_protocol == ICMP and packet.ip == 4:
        return "icmp"
    if packet.ip_protocol == ICMPV6 and packet.ip == 6:
        if packet.icmp_type in (130, 131, 132, 143):
            return "igmp"
        return "nd" if packet.icmp_type in range(133, 138) else "icmp"
    if packet.ip_protocol == UDP:
        kinds = [UDP_PORTS[port] for port in ports if port in UDP_PORTS]
        return kinds[0] if kinds else None
    if packet.ip_protocol == TCP:
        if ports & set(TCP_PORTS):
            return "control"
        if ports & TCP_NAMED and profile.named_source(packet.source):
            return "control"
    return None


class Row:
    """Counters of a stream, or of everything else."""

    def __init__(self, stream=None):
        self.stream = stream
        self.packets = self.bytes = self.fragments = self.first_fragments = self.untracked = 0
        self.verdicts = dict.fromkeys(VERDICTS, 0)
        self.reasons = dict.fromkeys(REASONS, 0)
        self.sensors = {}

    def count(self, packet, verdict, reason):
        self.packets += 1
        self.bytes += packet.wire_length
        self.fragments += packet.fragment
        self.first_fragments += packet.first
        self.verdicts[verdict] += 1
        self.reasons[reason] += 1
        if self.stream is None or packet.fragment and not packet.first:
            return
        self.track(packet)

    def track(self, packet):
        protocol = self.stream.protocol or NOTHING
        keys = tuple(field.read(packet.payload) for field in protocol.key)
        address = packet.source if packet.ip else ":".join(f"{b:02x}" for b in packet.source_mac)
        who = (address, packet.source_port or 0, keys)
        if who not in self.sensors:
            if len(self.sensors) == INSTANCES:
                self.untracked += 1
                return
            self.sensors[who] = Sensor(protocol)
        self.sensors[who].packet(packet.payload)

    def common(self):
        return {"packets": self.packets, "bytes": self.bytes,
                "verdicts": self.verdicts, "reasons": self.reasons}

    def document(self):
        sensors = self.sensors.values()
        return {
            "name": self.stream.name,
            "protocol": self.stream.protocol.name if self.stream.protocol else None,
            "class": self.stream.class_name, "delivery": self.stream.deliver,
            "datagrams": self.packets - self.fragments + self.first_fragments,
            "fragments": self.fragments,
            "lost": sum(s.lost for s in sensors),
            "reordered": sum(s.reordered for s in sensors),
            "duplicate": sum(s.duplicate for s in sensors),
            "restarts": sum(s.restarts for s in sensors),
            "samples": sum(s.samples for s in sensors) if self.samples() else 0,
            "samples_incomplete": sum(s.incomplete() for s in sensors) if self.samples() else 0,
            "untracked": self.untracked,
            "sources": [{"address": str(who[0]), "key": who[2][0] if len(who[2]) == 1 else None,
                         "packets": s.packets, "lost": s.lost}
                        for who, s in self.sensors.items()],
            **self.common()}

    def samples(self):
        p = self.stream.protocol
        return p and (p.wrap or p.id or p.marker or p.packets)


class Judge:
    def __init__(self, profile):
        self.profile = profile
        self.rows = [Row(stream) for stream in profile.streams]
        self.other = Row()
        self.protocols = dict.fromkeys(PROTOCOLS, 0)
        self.decisions = {}             # of first fragments

    def judge(self, packet):
        """(row, verdict, reason)"""
        profile = self.profile
        if packet.malformed:
            return self.other, "stack", "malformed"
        key = (tuple(vlan for vlan, _ in packet.tags), packet.source, packet.destination, packet.fragment_id,
               packet.ip_protocol)
        if packet.fragment and not packet.first and not essential(packet, profile):
            row, verdict, reason, time = self.decisions.get(key, (None, None, None, 0))
            if row is None or packet.time_ns - time > FRAGMENT_NS:
                return self.other, "stack", "fragment_unknown"
            return row, verdict, reason
        answer = self.decide(packet)
        if packet.first:
            self.decisions[key] = (*answer, packet.time_ns)
        return answer

    def decide(self, packet):
        profile = self.profile
        kind = essential(packet, profile)
        if kind:
            dropped = profile.essentials.get(kind) == "drop"
            return self.other, "drop" if dropped else "stack", "essential"
        for row in self.rows:
            if row.stream.matches(packet):
                stream = row.stream
                if not self.admits(packet, stream.class_name, stream.bucket):
                    return row, "drop", "rate"
                return row, stream.deliver, "profile"
        default = profile.default
        if not self.admits(packet, default.get("class", "normal"), None):
            return self.other, "drop", "rate"
        return self.other, default.get("deliver", "stack"), "default"

    def admits(self, packet, class_name, own):
        shared = self.profile.buckets.get(class_name)
        return (own is None or own.admits(packet)) and (shared is None or shared.admits(packet))

    def document(self):
        return {"profile": self.profile.name, "pressure": 0,
                "streams": [row.document() for row in self.rows],
                "other": self.other.common(), "egress": [], "protocols": self.protocols}


def explain(capture, profile, packets=False):
    judge = Judge(profile)
    listing = []
    for n, (time_ns, data, length) in enumerate(frames(capture), 1):
        packet = Packet(time_ns, data, length)
        row, verdict, reason = judge.judge(packet)
        row.count(packet, verdict, reason)
        judge.protocols[packet.protocol()] += 1
        stream = row.stream
        listing.append({"n": n, "stream": stream.name if stream else None,
                        "class": stream.class_name if stream else None,
                        "verdict": verdict, "reason": reason})
    document = judge.document()
    if packets:
        document["packets"] = listing
    return document


def differences(ours, theirs, where=""):
    """Where a document misses or contradicts what the oracle says. Zeros may be left out."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key == "egress" or where.endswith("]") and key == "class" and "packets" in where:
                continue
            if key == "sources":
                def total(sources):
                    return sorted((s["address"], s["packets"], s["lost"]) for s in sources)
                if total(value) != total(theirs.get(key, [])):
                    yield f"{where}.sources: {total(value)}, not {total(theirs.get(key, []))}"
                continue
            if key in theirs or value not in (0, None, []):
                yield from differences(value, theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{where}: {len(ours)} entries, not {len(theirs)}"
        for n, (one, other) in enumerate(zip(ours, theirs)):
            name = one.get("name", n) if isinstance(one, dict) else n
            yield from differences(one, other, f"{where}[{name}]")
    elif ours != theirs and not (ours in (None, "") and theirs in (None, "")):
        yield f"{where}: {ours}, not {theirs}"


def directories(given):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return (given.split(":") if given else []) + [os.path.join(root, "profiles")]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--profile-path", default="")
    parser.add_argument("--packets", action="store_true")
    parser.add_argument("--compare", metavar="EXPLAIN.json")
    args = parser.parse_args()
    profile = Profile(args.profile, directories(args.profile_path))
    document = explain(args.capture, profile, args.packets)
    if not args.compare:
        json.dump(document, sys.stdout, indent=1)
        print()
        return 0
    with sys.stdin if args.compare == "-" else open(args.compare, encoding="utf-8") as handle:
        found = list(differences(document, json.load(handle)))
    for line in found:
        print(f"{os.path.basename(args.capture)} {profile.name}: {line.lstrip('.')}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-only
"""Reads profiles and protocols, and matches packets against streams.

Everything is read as strings: 0xEEFF and 0x00EEFF are different payload tests.
"""
import ipaddress
import os
import re

import yaml

CLASS_SHED = {"bulk": 1, "normal": 2}
TIME = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def load(path):
    with open(path, encoding="utf-8") as handle:
        return yaml.load(handle, Loader=yaml.BaseLoader)


def number(text):
    return int(text, 0)


def with_unit(text, units):
    value, unit = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]*)", text).groups()
    return float(value) * units[unit]


BITS = {"bit": 1, "kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9}
BYTES = {"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "KiB": 1024, "MiB": 1024**2}


class Field:
    """A number inside the payload."""

    def __init__(self, spec):
        self.offset = number(spec["offset"])
        self.width = number(spec["width"])
        self.bytes = self.width // 8
        self.endian = spec.get("endian", "big")
        self.step = None if spec.get("step") == "any" else number(spec.get("step", "1"))
        self.skip = [number(value) for value in spec.get("skip", [])]
        self.modulus = number(spec.get("modulus", "0"))
        self.first = number(spec.get("first", "0"))

    def read(self, payload):
        part = payload[self.offset:self.offset + self.bytes]
        if len(part) < self.bytes:
            return None
        return int.from_bytes(part, self.endian)


class Bits:
    """(payload bytes & mask) == value; a test or a marker."""

    def __init__(self, spec):
        self.offset = number(spec["offset"])
        pattern = spec.get("value", spec.get("mask"))
        self.bytes = (len(pattern) - 2) // 2
        self.mask = number(spec["mask"]) if "mask" in spec else (1 << 8 * self.bytes) - 1
        self.value = number(spec["value"]) if "value" in spec else self.mask

    def test(self, payload):
        part = payload[self.offset:self.offset + self.bytes]
        return len(part) == self.bytes and int.from_bytes(part, "big") & self.mask == self.value


def ranges(spec):
    """A number, `A-B`, or a list of these."""
    out = []
    for item in spec if isinstance(spec, list) else [spec]:
        low, _, high = item.partition("-")
        out.append((number(low), number(high or low)))
    return out


def holds(spec, value):
    if isinstance(spec, list):
        return any(holds(item, value) for item in spec)
    if spec not in SPANS:
        SPANS[spec] = ranges(spec)[0]
    return value is not None and SPANS[spec][0] <= value <= SPANS[spec][1]


SPANS = {}


def prefix(spec):
    return ipaddress.ip_network(spec, strict=False)


class Protocol:
    def __init__(self, spec):
        self.name = spec["protocol"]
        self.match = spec.get("match", {})
        self.spec = spec
        sequence = spec.get("sequence", "none")
        self.sequence = None if sequence == "none" else Field(sequence)
        self.per = Field(sequence["per"]) if self.sequence and "per" in sequence else None
        if self.per:
            self.per.skip, self.sequence.skip = self.sequence.skip, []
        self.resent = Bits(spec["resent"]) if "resent" in spec else None
        self.key = [Field(item) for item in spec.get("key", [])]
        self.timestamp = self.gap = self.nominal = None
        if "timestamp" in spec:
            time = spec["timestamp"]
            self.timestamp = Field({k: v for k, v in time.items() if k in ("offset", "width", "endian")})
            unit = TIME[time["unit"]]
            if "modulus" in time:
                self.timestamp.modulus = int(with_unit(time["modulus"], TIME)) // unit
            if "gap_above" in time and not self.sequence:
                self.nominal = 10**9 / float(spec["nominal"]["packet_rate"]) / unit
                self.gap = float(time["gap_above"]) * self.nominal
        self.samples(spec.get("sample", "none"))

    def samples(self, spec):
        self.wrap = self.id = self.marker = self.index = None
        self.packets = 0
        if spec == "none":
            return
        self.wrap = Field(spec["wrap"]) if "wrap" in spec else None
        self.id = Field(spec["id"]) if "id" in spec else None
        self.marker = Bits(spec["marker"]) if "marker" in spec else None
        self.index = Field(spec["index"]) if "index" in spec else None
        self.packets = number(spec.get("packets", "0"))


class Bucket:
    """A token bucket as a virtual schedule: it may run at most `burst` ahead of now."""

    def __init__(self, spec):
        rate = spec["rate"]
        self.per_packet = rate.endswith("pps")
        if self.per_packet:
            self.cost = 10**9 / with_unit(rate, {"pps": 1, "kpps": 1e3, "Mpps": 1e6})
            self.burst = with_unit(spec.get("burst", "1"), {"": 1}) * self.cost
        else:
            self.cost = 8 * 10**9 / with_unit(rate, BITS)
            burst = max(65536, with_unit(rate, BITS) / 800)     # 10 ms unless the profile says
            if "burst" in spec:
                burst = with_unit(spec["burst"], BYTES)
            self.burst = burst * self.cost
        self.schedule = 0

    def admits(self, packet):
        """The first fragment pays for its datagram: the later ones follow its decision."""
        size = max(packet.wire_length, packet.length if packet.first else 0)
        ahead = max(self.schedule, packet.time_ns) + self.cost * (1 if self.per_packet else size)
        if ahead - packet.time_ns > self.burst:
            return False
        self.schedule = ahead
        return True


class Stream:
    def __init__(self, spec, protocols):
        self.name = spec["name"]
        self.protocol = protocols(spec["protocol"]) if "protocol" in spec else None
        self.match = dict(self.protocol.match) if self.protocol else {}
        self.match.update(spec.get("match", {}))
        self.class_name = spec.get("class", "normal")
        self.deliver = spec.get("deliver", "stack")
        self.bucket = Bucket(spec) if "rate" in spec else None
        if "samples" in spec:
            self.protocol = Protocol({**(self.protocol.spec if self.protocol else {"protocol": ""}),
                                      "sample": spec["samples"]})
        self.conditions = [condition(key, spec) for key, spec in self.match.items()
                           if key not in ("payload", "vlan", "pcp")]
        self.vlan, self.pcp = self.match.get("vlan"), self.match.get("pcp")
        self.tests = [Bits(item) for item in self.match.get("payload", [])]
        self.sources = [prefix(self.match["source"])] if "source" in self.match else []

    def matches(self, packet):
        return self.tagged(packet) and all(holds(packet) for holds in self.conditions) and \
            all(test.test(packet.payload) for test in self.tests)

    def tagged(self, packet):
        """VLAN id and PCP must be those of one tag, whichever."""
        if self.vlan is None and self.pcp is None:
            return True
        return any((self.vlan is None or holds(self.vlan, vlan)) and
                   (self.pcp is None or holds(self.pcp, pcp)) for vlan, pcp in packet.tags)


IP_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "igmp": 2, "icmpv6": 58}


def condition(key, spec):
    """One line of a match as a function of a packet."""
    if key == "ethertype":
        value = number(spec)
        return lambda p: not p.llc and p.ethertype == value
    if key == "source_mac":
        mac = bytes.fromhex(spec.replace(":", ""))
        return lambda p: p.source_mac == mac
    if key in ("source", "destination"):
        net = prefix(spec)
        return lambda p: getattr(p, key) is not None and getattr(p, key) in net
    if key == "ip_protocol":
        value = IP_PROTOCOLS[spec] if spec in IP_PROTOCOLS else number(spec)
        return lambda p: p.ip_protocol == value
    return lambda p: holds(spec, getattr(p, key))


class Profile:
    def __init__(self, name, directories):
        self.directories = directories
        self.protocols = {}
        self.streams, self.classes, self.essentials = [], {}, {}
        self.default = {}
        self.merge(name, [])
        self.buckets = {name: Bucket(spec) for name, spec in self.classes.items() if "rate" in spec}
        self.sources = [net for stream in self.streams for net in stream.sources]

    def find(self, name, below=""):
        if os.sep in name or name.endswith(".yaml"):
            return name
        for directory in self.directories:
            path = os.path.join(directory, below, name + ".yaml")
            if os.path.exists(path):
                return path
        raise FileNotFoundError(f"{name}: not found below {self.directories}")

    def protocol(self, name):
        if name not in self.protocols:
            self.protocols[name] = Protocol(load(self.find(name, "protocols")))
        return self.protocols[name]

    def merge(self, name, seen):
        spec = load(self.find(name))
        if name in seen:
            raise ValueError(f"include loop: {seen + [name]}")
        for other in spec.get("include", []):
            self.merge(other, seen + [name])
        self.name = spec["profile"]
        for stream in spec.get("streams") or []:
            self.place(Stream(stream, self.protocol))
        for key, policy in (spec.get("classes") or {}).items():
            self.classes.setdefault(key, {}).update(policy)
        self.essentials.update(spec.get("essentials") or {})
        self.default.update(spec.get("default") or {})

    def place(self, stream):
        """A stream of the same name, from an included profile, gives up its place."""
        for i, other in enumerate(self.streams):
            if other.name == stream.name:
                self.streams[i] = stream
                return
        self.streams.append(stream)

    def named_source(self, address):
        return address is not None and any(address in net for net in self.sources)

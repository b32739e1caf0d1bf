# SPDX-License-Identifier: GPL-2.0-only
"""Reads pcap files and takes frames apart: Ethernet, VLAN, IPv4, IPv6, UDP, TCP.

Written from what the man pages promise, not from the data path, so that it can disagree with it.
"""
import ipaddress
import struct

MAX_EXTENSIONS = 6

TCP, UDP, ICMP, ICMPV6, IGMP = 6, 17, 1, 58, 2


def frames(path):
    """Yields (time in ns, captured bytes, length on the wire)."""
    with open(path, "rb") as handle:
        head = handle.read(24)
        magic = head[:4]
        order, nanoseconds = {
            b"\xd4\xc3\xb2\xa1": ("<", False), b"\xa1\xb2\xc3\xd4": (">", False),
            b"\x4d\x3c\xb2\xa1": ("<", True), b"\xa1\xb2\x3c\x4d": (">", True),
        }[magic]
        link_type = struct.unpack(order + "I", head[20:24])[0] & 0xFFFF
        if link_type != 1:
            raise ValueError(f"{path}: link type {link_type}, expected 1 (Ethernet)")
        while True:
            record = handle.read(16)
            if len(record) < 16:
                return
            seconds, part, captured, length = struct.unpack(order + "IIII", record)
            data = handle.read(captured)
            yield seconds * 10**9 + part * (1 if nanoseconds else 1000), data, length


class Malformed(Exception):
    """The frame can't be parsed; it passes with that reason."""


class Packet:
    """What a frame says. Fields that it does not have are None."""

    def __init__(self, time_ns, data, wire_length):
        self.time_ns = time_ns
        self.data = data
        self.wire_length = wire_length
        self.tags = []                  # (VLAN id, PCP), outermost first
        self.ethertype = None
        self.source_mac = None
        self.llc = False
        self.ip = None                  # 4 or 6
        self.source = self.destination = None
        self.dscp = self.ip_protocol = None
        self.source_port = self.destination_port = None
        self.icmp_type = None
        self.length = None              # payload bytes as the headers say
        self.payload = b""              # payload bytes that this frame holds
        self.fragment = False
        self.first = False              # first fragment
        self.fragment_id = None
        self.malformed = False
        try:
            self.ethernet()
        except (Malformed, struct.error, IndexError):
            self.malformed = True

    def ethernet(self):
        data = self.data
        if len(data) < 14:
            raise Malformed
        self.source_mac = data[6:12]
        at, kind = 12, struct.unpack_from(">H", data, 12)[0]
        for _ in range(2):
            if kind not in (0x8100, 0x88A8):
                break
            control, kind = struct.unpack_from(">HH", data, at + 2)
            at += 4
            self.tags.append((control & 0xFFF, control >> 13))
        at += 2
        self.ethertype = kind
        self.payload = data[at:]
        self.length = len(data) - at
        if kind < 1536:
            self.llc = True
        elif kind == 0x0800:
            self.ipv4(at)
        elif kind == 0x86DD:
            self.ipv6(at)

    def ipv4(self, at):
        data = self.data
        if len(data) < at + 20:
            raise Malformed
        version_ihl, tos, total, ident, flags = struct.unpack_from(">BBHHH", data, at)
        header = (version_ihl & 15) * 4
        if version_ihl >> 4 != 4 or header < 20 or len(data) < at + header:
            raise Malformed
        self.ip, self.dscp, self.ip_protocol = 4, tos >> 2, data[at + 9]
        self.source = ipaddress.ip_address(data[at + 12:at + 16])
        self.destination = ipaddress.ip_address(data[at + 16:at + 20])
        # A VLP-16's position packets say 1234 bytes in a frame of 540, and are sound but for that.
        total = min(total, self.wire_length - at)
        if total < header:
            raise Malformed
        offset, more = flags & 0x1FFF, bool(flags & 0x2000)
        self.fragment = bool(offset or more)
        self.first = self.fragment and offset == 0
        self.fragment_id = ident
        self.transport(at + header, min(at + total, len(data)), total - header)

    def ipv6(self, at):
        data = self.data
        if len(data) < at + 40 or data[at] >> 4 != 6:
            raise Malformed
        word, payload, following = struct.unpack_from(">IHB", data, at)
        self.ip, self.dscp = 6, word >> 22 & 63
        payload = min(payload, self.wire_length - at - 40)
        self.source = ipaddress.ip_address(data[at + 8:at + 24])
        self.destination = ipaddress.ip_address(data[at + 24:at + 40])
        end, at = min(at + 40 + payload, len(data)), at + 40
        left = payload
        for _ in range(MAX_EXTENSIONS + 1):
            if following in (0, 43, 60):
                size = (data[at + 1] + 1) * 8
            elif following == 51:
                size = (data[at + 1] + 2) * 4
            elif following == 44:
                size = 8
                offset, ident = struct.unpack_from(">xxHI", data, at)
                self.fragment = bool(offset & 0xFFF9)
                self.first = self.fragment and not offset & 0xFFF8
                self.fragment_id = ident
                if self.fragment and not self.first:
                    self.ip_protocol = data[at]
                    self.transport(at + 8, end, left - 8)
                    return
            else:
                self.ip_protocol = following
                self.transport(at, end, left)
                return
            following = data[at]
            at, left = at + size, left - size
        raise Malformed

    def transport(self, at, end, length):
        """length: IP payload bytes. end: where this frame's bytes of it end."""
        data = self.data
        self.payload, self.length = data[at:end], length
        if self.fragment and not self.first:
            return
        if self.ip_protocol == UDP:
            if end < at + 8:
                raise Malformed
            self.source_port, self.destination_port, size = struct.unpack_from(">HHH", data, at)
            if size < 8 or not self.fragment and size > length:
                raise Malformed
            self.length = size - 8
            self.payload = data[at + 8:end]
        elif self.ip_protocol == TCP:
            if end < at + 20:
                raise Malformed
            self.source_port, self.destination_port = struct.unpack_from(">HH", data, at)
            header = (data[at + 12] >> 4) * 4
            if header < 20 or length < header:
                raise Malformed
            self.length = length - header
            self.payload = data[at + header:end]
        elif self.ip_protocol in (ICMP, ICMPV6):
            if end > at:
                self.icmp_type = data[at]

    def protocol(self):
        """The name under which `protocols` counts it."""
        if self.ethertype == 0x88F7:
            return "ptp"
        if self.ethertype == 0x0806:
            return "arp"
        if self.ip_protocol == UDP and {self.source_port, self.destination_port} & {319, 320}:
            return "ptp"
        return {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}.get(self.ip_protocol, "other")

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The rules of counting, one by one, on made-up packets with answers worked out by hand.

cases.py    plain output, exit 1 if one fails
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from capture import Packet  # noqa: E402
from profiles import Protocol  # noqa: E402
from sequence import Sensor  # noqa: E402

COUNTER = {"sequence": {"offset": "0", "width": "16", "endian": "big"}}
BYTE = {"sequence": {"offset": "0", "width": "8", "endian": "big"}}
PER = {"sequence": {"offset": "0", "width": "16", "endian": "big", "skip": ["0"],
                    "per": {"offset": "2", "width": "16", "endian": "big"}},
       "sample": {"id": {"offset": "2", "width": "16", "endian": "big"},
                  "marker": {"offset": "4", "mask": "0x01"}},
       "resent": {"offset": "4", "mask": "0x80", "value": "0x80"}}
TURN = {"sequence": {"offset": "0", "width": "16", "endian": "big"},
        "sample": {"wrap": {"offset": "2", "width": "16", "endian": "big", "modulus": "100"}}}
TIME = {"sequence": "none", "nominal": {"packet_rate": "100"},
        "timestamp": {"offset": "0", "width": "32", "endian": "big", "unit": "ms",
                      "modulus": "60s", "gap_above": "1.5"}}
MARK = {"sequence": {"offset": "0", "width": "16", "endian": "big"},
        "sample": {"marker": {"offset": "2", "mask": "0x01"}}}
INDEX = {"sequence": {"offset": "0", "width": "16", "endian": "big"},
         "sample": {"id": {"offset": "2", "width": "16", "endian": "big"},
                    "index": {"offset": "4", "width": "8", "endian": "big"}}}

u8 = struct.Struct(">B").pack
u16 = struct.Struct(">H").pack
u32 = struct.Struct(">I").pack


def two(*values):
    return [u16(a) + u16(b) for a, b in values]


def per(*values):
    return [u16(index) + u16(image) + u8(flags) for image, index, flags in values]


def image(number, packets=5, missing=()):
    """Index 0 to packets - 1, the last one marked."""
    return [(number, i, i == packets - 1) for i in range(packets) if i not in missing]


def three(*values):
    return [u16(sequence) + u16(number) + u8(index) for sequence, number, index in values]


# What it is, the protocol, the packets, and lost, reordered, duplicate, restarts, samples,
# incomplete samples.
CASES = [
    ("nothing is lost", COUNTER, map(u16, range(10, 50)), (0, 0, 0, 0, 1, 0)),
    ("the counter wraps", COUNTER, map(u16, (65534, 65535, 0, 1)), (0, 0, 0, 0, 1, 0)),
    ("three are lost across the wrap", COUNTER, map(u16, (65534, 2)), (3, 0, 0, 0, 1, 1)),
    ("a late one is taken off again", COUNTER, map(u16, (1, 3, 2, 4)), (0, 1, 0, 0, 1, 0)),
    ("the same one twice", COUNTER, map(u16, (1, 2, 2, 3)), (0, 0, 1, 0, 1, 0)),
    ("a late one twice", COUNTER, map(u16, (1, 3, 2, 2)), (0, 1, 1, 0, 1, 0)),
    ("31 late is late", COUNTER, map(u16, [100, 102, *range(103, 133), 101]), (0, 1, 0, 0, 1, 0)),
    ("32 late is a restart", COUNTER, map(u16, [100, 102, *range(103, 134), 101]),
     (1, 0, 0, 1, 2, 1)),
    ("a jump of 3000 is loss", COUNTER, map(u16, (1, 3001)), (2999, 0, 0, 0, 1, 1)),
    ("a jump of 3001 is a restart", COUNTER, map(u16, (1, 3002)), (0, 0, 0, 1, 2, 0)),
    ("eight bits: a jump of 223 is loss", BYTE, map(u8, (0, 223)), (222, 0, 0, 0, 1, 1)),
    ("eight bits: a jump of 224 is a restart", BYTE, map(u8, (0, 224)), (0, 0, 0, 1, 2, 0)),
    ("eight bits: 225 is 31 late", BYTE, map(u8, (0, 225)), (30, 1, 0, 0, 1, 1)),
    ("one from before the window was opened", COUNTER, map(u16, (10, 9, 11)), (0, 1, 0, 0, 1, 0)),
    ("one from long before opens it backwards", COUNTER, map(u16, (10, 6, 7)), (2, 2, 0, 0, 1, 1)),
    ("a restart opens a new window", COUNTER, map(u16, (5000, 5001, 1, 0, 2)), (0, 1, 0, 1, 2, 0)),
    ("images that lose nothing", PER, per(*image(1), *image(2), *image(3)), (0, 0, 0, 0, 3, 0)),
    ("block id 0 is left out", PER, per(*image(65535), *image(1)), (0, 0, 0, 0, 2, 0)),
    ("the head of an image", PER, per(*image(1), *image(2, missing=(0, 1))), (2, 0, 0, 0, 2, 1)),
    ("the trailer, measured by the image before", PER,
     per(*image(1), *image(2, missing=(4,)), *image(3)), (1, 0, 0, 0, 3, 1)),
    ("the trailer of the first one is not missed by anybody", PER,
     per(*image(1, missing=(4,)), *image(2)), (0, 0, 0, 0, 2, 0)),
    ("joined in the middle of an image", PER, per(*image(1, missing=(0, 1)), *image(2)),
     (0, 0, 0, 0, 2, 0)),
    ("a whole image", PER, per(*image(1), *image(3)), (5, 0, 0, 0, 3, 1)),
    ("a tail, a whole image and a head", PER,
     per(*image(1), *image(2, missing=(3, 4)), *image(4, missing=(0,))), (8, 0, 0, 0, 4, 3)),
    ("a smaller image is whole by its marker", PER, per(*image(1), *image(2, 3), *image(3)),
     (0, 0, 0, 0, 3, 0)),
    ("a packet of the image before comes late", PER,
     per(*image(1), *image(2, missing=(4,)), (3, 0, 0), (2, 4, 1), *image(3, missing=(0,))),
     (0, 1, 0, 0, 3, 0)),
    ("the trailer of the very first image comes late", PER,
     per(*image(1, missing=(4,)), (2, 0, 0), (1, 4, 1), *image(2, missing=(0,)), *image(3)),
     (0, 1, 0, 0, 3, 0)),
    ("a packet that was asked for again", PER,
     per(*image(1, 50), *image(2, 50, missing=(3,)), (2, 3, 0x80)), (0, 1, 0, 0, 2, 0)),
    ("a camera restarts", PER, per(*image(9), *image(1), *image(2)), (0, 0, 0, 1, 3, 0)),
    ("turns", TURN, two((1, 0), (2, 50), (3, 0), (4, 50), (5, 10)), (0, 0, 0, 0, 3, 0)),
    ("a hole within a turn", TURN, two((1, 0), (3, 50), (4, 0), (5, 50)), (1, 0, 0, 0, 2, 1)),
    ("a hole over the end of a turn", TURN, two((1, 70), (7, 30)), (5, 0, 0, 0, 2, 2)),
    ("a late packet makes its turn whole", TURN, two((1, 70), (3, 90), (4, 0), (2, 80), (5, 10)),
     (0, 1, 0, 0, 2, 0)),
    ("a late packet does not end a turn", TURN, two((1, 70), (3, 90), (2, 80)), (0, 1, 0, 0, 1, 0)),
    ("time goes on", TIME, map(u32, (0, 10, 20, 34, 40)), (0, 0, 0, 0, 1, 0)),
    ("time jumps by three", TIME, map(u32, (0, 10, 40)), (2, 0, 0, 0, 1, 1)),
    ("time wraps", TIME, map(u32, (59990, 0, 20)), (1, 0, 0, 0, 1, 1)),
    ("time stands", TIME, map(u32, (0, 10, 10)), (0, 0, 1, 0, 1, 0)),
    ("time goes back a little", TIME, map(u32, (0, 10, 30, 20)), (0, 1, 0, 0, 1, 0)),
    ("time goes back a lot", TIME, map(u32, (20000, 20010, 0)), (0, 0, 0, 1, 2, 0)),
    ("images ended by a marker", MARK, two((1, 0), (2, 256), (3, 0), (4, 256), (5, 0)),
     (0, 0, 0, 0, 3, 0)),
    ("lost after a marker: the next image's", MARK, two((1, 0), (2, 256), (4, 0)),
     (1, 0, 0, 0, 2, 1)),
    ("a marker that comes late still ends its image", MARK, two((1, 0), (3, 0), (2, 256), (4, 0)),
     (0, 1, 0, 0, 2, 0)),
    ("the index says what an image lacks at its head", INDEX,
     three((1, 1, 0), (2, 1, 1), (4, 2, 1), (5, 3, 0)), (1, 0, 0, 0, 3, 1)),
    ("a late packet says by its id whose the hole beside it is", INDEX,
     three((1, 1, 0), (6, 2, 0), (4, 1, 3)), (3, 1, 0, 0, 2, 1)),
    ("and what the one before lacks at its tail", INDEX,
     three((1, 1, 0), (2, 1, 1), (3, 2, 0), (5, 3, 0)), (1, 0, 0, 0, 3, 1)),
]


def ethernet(ethertype, payload):
    return bytes(12) + u16(ethertype) + payload


def ipv4(protocol, payload, flags=0, options=b""):
    size = 20 + len(options)
    return struct.pack(">BBHHHBBH4s4s", 0x40 | size // 4, 0, size + len(payload), 7, flags, 64,
                       protocol, 0, b"\xc0\xa8\x01\xc9", b"\xc0\xa8\x01\x01") + options + payload


def udp(payload, size=None):
    return struct.pack(">HHHH", 2368, 2369, (size or len(payload)) + 8, 0) + payload


def ipv6(following, payload):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), following, 64, bytes(15) + b"\1",
                       bytes(15) + b"\2") + payload


FRAMES = [
    ("UDP", ethernet(0x800, ipv4(17, udp(b"abc"))),
     {"ip": 4, "destination_port": 2369, "length": 3, "payload": b"abc", "malformed": False}),
    ("padding is no payload", ethernet(0x800, ipv4(17, udp(b"abc")) + bytes(15)),
     {"length": 3, "payload": b"abc"}),
    ("IPv4 options", ethernet(0x800, ipv4(17, udp(b"abc"), options=bytes(8))), {"length": 3}),
    ("two tags", ethernet(0x88A8, u16(0x6005) + u16(0x8100) + u16(7) + u16(0x800)
                          + ipv4(17, udp(b"abc"))), {"tags": [(5, 3), (7, 0)], "length": 3}),
    ("a first fragment has the datagram's length",
     ethernet(0x800, ipv4(17, udp(b"abc", 3000), flags=0x2000)),
     {"fragment": True, "first": True, "length": 3000, "destination_port": 2369}),
    ("a later fragment has no ports", ethernet(0x800, ipv4(17, udp(b"abc"), flags=0x2001)),
     {"fragment": True, "first": False, "destination_port": None}),
    ("IPv6 behind two headers", ethernet(0x86DD, ipv6(0, u8(60) + bytes(7) + u8(17) + bytes(7)
                                                      + udp(b"abc"))),
     {"ip": 6, "destination_port": 2369, "length": 3}),
    ("an IPv6 first fragment", ethernet(0x86DD, ipv6(44, u8(17) + bytes(1) + u16(1) + u32(9)
                                                     + udp(b"abc", 3000))),
     {"fragment": True, "first": True, "fragment_id": 9, "length": 3000}),
    ("an IPv6 fragment that is all there is", ethernet(0x86DD, ipv6(44, u8(17) + bytes(7)
                                                                    + udp(b"abc"))),
     {"fragment": False, "length": 3}),
    ("IHL below 5", ethernet(0x800, b"\x44" + ipv4(17, udp(b"abc"))[1:]), {"malformed": True}),
    ("cut in the IP header", ethernet(0x800, ipv4(17, b"")[:12]), {"malformed": True}),
    ("cut in the UDP header", ethernet(0x800, ipv4(17, bytes(4))), {"malformed": True}),
    ("UDP says more than IP holds", ethernet(0x800, ipv4(17, udp(b"abc", 4))), {"malformed": True}),
    ("IP says more than the frame holds, as a VLP-16's position packets do",
     ethernet(0x800, ipv4(17, udp(b"abc") + bytes(9))[:-9]), {"malformed": False, "length": 3}),
    ("no EtherType at all", bytes(13), {"malformed": True}),
    ("spanning tree", ethernet(38, b"\x42\x42\x03"), {"llc": True, "malformed": False}),
]


def counted(protocol, packets):
    sensor = Sensor(Protocol({"protocol": "case", **protocol}))
    for payload in packets:
        sensor.packet(payload)
    return (sensor.lost, sensor.reordered, sensor.duplicate, sensor.restarts, sensor.samples,
            sensor.incomplete())


def main():
    failed = 0
    for name, protocol, packets, expected in CASES:
        found = counted(protocol, packets)
        failed += found != expected
        print(f"ok {name}" if found == expected else f"FAIL {name}: {found}, expected {expected}")
    for name, frame, expected in FRAMES:
        packet = Packet(0, frame, len(frame))
        found = {key: getattr(packet, key) for key in expected}
        failed += found != expected
        print(f"ok {name}" if found == expected else f"FAIL {name}: {found}, expected {expected}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

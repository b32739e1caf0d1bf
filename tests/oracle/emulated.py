#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The oracle against the emulator's own account of what it lost, swapped and sent twice.

emulated.py EMULATE [ROUNDS]    plain output, exit 1 if an account differs
"""
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracle import directories, explain  # noqa: E402
from profiles import Profile  # noqa: E402

SENSORS = {"velodyne": "velodyne-vlp16", "velodyne-dual": "velodyne-vlp16-dual",
           "hesai": "hesai-xt32", "ouster": "ouster-legacy-64", "gvsp": "gvsp",
           "avtp": "avtp-cvf", "rtp": "rtp", "experimental": "experimental"}
COUNT = 1200
KEYS = {"lost_visible": "lost", "reordered": "reordered", "duplicate": "duplicate",
        "restarts": "restarts", "samples": "samples", "samples_incomplete": "samples_incomplete",
        "datagrams": "datagrams", "fragments": "fragments"}

# What a stream can't tell, the emulator knows: where nothing but the marker ends an image, one
# that was lost joins two images; and without an index, packets lost around the end of an
# image may have been either's.
AT_MOST = {"avtp": ("samples", "samples_incomplete"), "rtp": ("samples_incomplete",)}


def faults(dice):
    """Faults that do not touch each other, so that each has one right answer."""
    places = [n * 8 + dice.randrange(3) for n in range(1, COUNT // 8 - 1)]
    dice.shuffle(places)
    lose = [f"{n}-{n + dice.randrange(4)}" for n in places[:dice.randrange(1, 10)]]
    reorder = [f"{n}:{dice.randrange(1, 4)}" for n in places[10:10 + dice.randrange(6)]]
    twice = [f"{n}:1" for n in places[20:20 + dice.randrange(6)]]
    words = ["--lose", ",".join(lose)]
    words += ["--reorder", ",".join(reorder)] if reorder else []
    return words + (["--duplicate", ",".join(twice)] if twice else [])


def one(emulate, sensor, words, folder):
    capture, profile = os.path.join(folder, "e.pcap"), os.path.join(folder, "p.yaml")
    told = json.loads(subprocess.run([emulate, sensor, "--pcap", capture, "--count", str(COUNT),
                                      "--json", *words], check=True, capture_output=True).stdout)
    with open(profile, "w", encoding="utf-8") as handle:
        handle.write(f"profile: emulated\nstreams:\n  - {{name: s, protocol: {SENSORS[sensor]}}}\n")
    stream = explain(capture, Profile(profile, directories("")))["streams"][0]
    return [f"{theirs}: oracle {stream[theirs]}, emulator {told[ours]}"
            for ours, theirs in KEYS.items() if stream[theirs] != told[ours] and not
            (theirs in AT_MOST.get(sensor, ()) and stream[theirs] < told[ours])]


def main():
    emulate, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for sensor in SENSORS:
            dice = random.Random(sensor)
            bad = 0
            for _ in range(rounds):
                words = faults(dice)
                wrong = one(emulate, sensor, words, folder)
                if wrong:
                    bad += 1
                    print(f"  {sensor} {' '.join(words)}")
                    print("    " + "; ".join(wrong))
            print(f"{'FAIL' if bad else 'ok'} {sensor}: {rounds} rounds of faults, {bad} differ")
            failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The oracle against what is known of the captures: their README, the makers' manuals (expected.json).

check.py CAPTURES    plain output, exit 1 if a fact is wrong
"""
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from oracle import directories, explain  # noqa: E402
from profiles import Profile  # noqa: E402


def profile_for(streams, path):
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("profile: expected\nstreams:\n" if streams else "profile: expected\nstreams: []\n")
        for n, stream in enumerate(streams):
            match = f", match: {{{stream['match']}}}" if "match" in stream else ""
            handle.write(f"  - {{name: s{n}, protocol: {stream['protocol']}{match}}}\n")
    return Profile(path, directories(""))


def wrong(found, facts, where):
    return [f"{where} {key}: {found[key]}, expected {value}"
            for key, value in facts.items() if found[key] != value]


def check(capture, facts, scratch):
    document = explain(capture, profile_for(facts["streams"], scratch))
    other = document["other"]
    rows = document["streams"] + [other]
    found = wrong({"frames": sum(row["packets"] for row in rows)}, {"frames": facts["frames"]}, "")
    found += wrong({"protocols": sum(document["protocols"].values())},
                   {"protocols": facts["frames"]}, "sum of")
    for row in rows:
        for kind in ("verdicts", "reasons"):
            found += wrong({kind: sum(row[kind].values())}, {kind: row["packets"]}, "sum of")
    for stream, expected in zip(document["streams"], facts["streams"]):
        found += wrong(stream, expected["facts"], stream["protocol"])
    found += wrong(document["protocols"], facts.get("protocols", {}), "protocols")
    found += wrong({**other["reasons"], "packets": other["packets"]}, facts.get("other", {}), "other")
    return found


def main():
    captures, failed = sys.argv[1], 0
    with open(os.path.join(HERE, "expected.json"), encoding="utf-8") as handle:
        expected = json.load(handle)
    with tempfile.TemporaryDirectory() as folder:
        for name, facts in expected.items():
            path = os.path.join(captures, name)
            if not os.path.exists(path):
                print(f"skip {name}: not among the captures")
                continue
            found = check(path, facts, os.path.join(folder, "profile.yaml"))
            print(f"{'FAIL' if found else 'ok'} {name}{': ' + facts['why'] if facts['why'] else ''}")
            for line in found:
                print(f"    {line}")
            failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

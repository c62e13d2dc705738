#!/usr/bin/env python3
"""Compares what the emulator knows of each device with what Fanfare concluded.

    compare_health.py known.csv concluded.jsonl second.jsonl

known.csv: the emulator's /_emulator/devices; concluded.jsonl: `fanfare --json devices list`;
second.jsonl: the report of a second send. Prints a table by health; exit status 1 when a row
differs.
"""

import csv
import json
import sys

# What should become of a device of each health: its state, and the rules that may retire it.
EXPECTED = {
    "living": ("active", {None}),
    "flaky_503": ("active", {None}),
    "flaky_429": ("active", {None}),
    "flaky_cut": ("active", {None}),
    "unregistered": ("retired", {"token.unregistered"}),
    "malformed": ("retired", {"token.malformed"}),
    "wrong_sender": ("retired", {"token.sender_id_mismatch"}),
    "apns_disabled": ("retired", {"token.apns_unregistered"}),
    "apns_disabled_404": ("retired", {"token.apns_unregistered"}),
    "suspect_dead": ("retired", {"token.probe_refused"}),
    "payload_refused": ("active", {None}),
}


def registration(line):
    return line.get("token") or line.get("fid")


def main(known_path, concluded_path, second_path):
    with open(known_path, newline="") as file:
        known = {row["token"]: row["health"] for row in csv.DictReader(file)}
    with open(concluded_path) as file:
        concluded = {registration(line): line for line in map(json.loads, file)}
    with open(second_path) as file:
        second = {registration(line["target"]) for line in map(json.loads, file)}

    print(f"\n{'health':<18}{'emulator':>10}{'fanfare':>10}  {'expected':<9}{'sent again':>11}")
    wrong = 0
    for health, (state, rules) in EXPECTED.items():
        tokens = [token for token, its in known.items() if its == health]
        if not tokens:
            continue
        right = [
            token
            for token in tokens
            if token in concluded
            and concluded[token]["state"] == state
            and concluded[token]["rule"] in rules
        ]
        again = sum(token in second for token in tokens)
        equal = len(right) == len(tokens) and again == (len(tokens) if state == "active" else 0)
        wrong += not equal
        print(
            f"{health:<18}{len(tokens):>10,}{len(right):>10,}  {state:<9}{again:>11,}"
            f"  {'equal' if equal else 'DIFFERS'}"
        )
    strangers = len(concluded.keys() - known.keys())
    if strangers or wrong:
        print(f"\n{wrong} rows differ; {strangers} devices that the emulator does not know")
        return 1
    print("\nNo living device was retired, no dead one is left, and the second send skipped the dead.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
"""clang-tidy over every source but the tests, those that changed last first.

    tools/tidy.py                   all of them: some 18 minutes on two cores
    tools/tidy.py --seconds 900     begins no other after that time, and says how many are left

A source is as new as its own last commit or that of a header of ours that it includes, so that what
a change touched is always looked at, however slow the machine is. A finding fails the run.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_READ = re.compile(r"^fuzz/replay_main|_test\.cpp$")


def git(*words):
    return subprocess.run(
        ["git", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()  # fmt: skip


def ages():
    """How many commits ago each file changed; what is not committed changed before all of them."""
    age = {line[3:]: -1 for line in git("status", "--porcelain")}
    commits = 0
    for line in git("log", "--format=tformat:commit:", "--name-only"):
        if line == "commit:":
            commits += 1
        elif line:
            age.setdefault(line, commits)
    return age


def included(source):
    for name in re.findall(r'^#include ["<]([^">]+)[">]', source.read_text(), re.MULTILINE):
        for folder in ("src", "include"):
            if (ROOT / folder / name).exists():
                yield f"{folder}/{name}"


def newest_first(names):
    age = ages()

    def own(name):
        return age.get(name, len(age))

    return sorted(names, key=lambda n: min([own(n), *map(own, included(ROOT / n))]))


def tidy(build, name, until):
    """What clang-tidy found in one source, '' if nothing, None if there was no time left."""
    if time.monotonic() > until:
        return None
    done = subprocess.run(
        ["clang-tidy-19", "-p", build, "--quiet", name],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/tidy", help="where compile_commands.json is")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time for all")
    parser.add_argument("only", nargs="*", help="sources; without any, all")
    options = parser.parse_args()

    until = time.monotonic() + options.seconds
    names = options.only or newest_first(n for n in git("ls-files", "*.cpp") if not NOT_READ.search(n))
    looked_at = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, found in zip(names, pool.map(lambda n: tidy(options.build, n, until), names)):
            looked_at += found is not None
            failed += bool(found)
            if found:
                print(re.sub(r"(?m)^\d+ warnings? .*\n", "", found) or name, flush=True)
    print(f"tidy: {looked_at} of {len(names)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

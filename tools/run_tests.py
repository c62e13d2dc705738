#!/usr/bin/env python3
"""Runs the tests of the built command, each in a process of its own and some at a time.

    tools/run_tests.py                  every test in tests/*_test.py, three at a time
    tools/run_tests.py --jobs 1 crash   only those whose name has `crash` in it

They wait far more than they compute, so side by side they take a third of the time. Each has its
own folder, and its servers have ports of the system's choice.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"
# Begun first: at the end the others would be done and wait for them.
LONGEST = ("torture_test.", "main_job_test.", "import_test.")
LIMIT_SECONDS = int(os.environ.get("FANFARE_TEST_SECONDS", "3600"))


def names_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from names_of(test)
        else:
            yield test.id()


def run(name):
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "unittest", "-v", name],
            cwd=TESTS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=LIMIT_SECONDS,
        )  # fmt: skip
        passed, output = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired as late:
        passed, output = False, f"{late.output or ''}\nnot done in {LIMIT_SECONDS} s"
    return name, passed, output, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=3, help="how many at a time")
    parser.add_argument("only", nargs="*", help="parts of names; any of them will do")
    options = parser.parse_args()

    # A module that can't be imported shows up as a test that fails with the reason.
    names = names_of(unittest.defaultTestLoader.discover(str(TESTS), "*_test.py"))
    names = sorted(names, key=lambda n: (not n.startswith(LONGEST), n))
    names = [n for n in names if not options.only or any(part in n for part in options.only)]
    if not names:
        print("run_tests: there are no such tests", file=sys.stderr)
        return 2

    failed = []
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for running in concurrent.futures.as_completed([pool.submit(run, n) for n in names]):
            name, passed, output, seconds = running.result()
            skipped = re.search(r"\.\.\. skipped (.*)", output)
            word = "FAILED" if not passed else "skipped" if skipped else "ok"
            reason = f": {skipped.group(1)}" if skipped else ""
            print(f"{word:8}{seconds:6.1f} s  {name}{reason}", flush=True)
            if not passed:
                failed.append(name)
                print(output, flush=True)
    print(f"{len(names)} tests, {len(failed)} failed")
    for name in failed:
        print(f"  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

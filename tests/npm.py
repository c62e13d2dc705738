"""What tests take from npm as it is published: see package.json here, and in clients/.

It is installed into build/npm, or build/npm-clients, by the first test that wants some of it; those
tests are skipped, loudly, where that can't be done.
"""

import fcntl
import filecmp
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

import support
from support import missing

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = support.ROOT / "build/npm"
MODULES = FOLDER / "node_modules"


def install(listed, folder):
    """npm ci, unless it was done; what went wrong, or None."""
    done, wanted = folder / "installed.json", listed / "package-lock.json"
    if not (done.exists() and filecmp.cmp(done, wanted, shallow=False)):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(listed / name, folder / name)
        try:
            npm = subprocess.run(
                ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund",
                 "--fetch-retries=1", "--fetch-timeout=20000"],
                cwd=folder, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "npm ci took too long"
        if npm.returncode != 0:
            return f"npm ci failed: {npm.stderr.strip()[-300:]}"
        shutil.copy(wanted, done)
    return None


def why_not(package, listed=HERE, folder=FOLDER):
    """Installs what the package.json in `listed` names, unless that was done; the reason why
    `package` can't be had, or None."""
    if absent := missing("node", "npm"):
        return absent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # Each test may be a process.
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = folder / "failed.txt"
        if failed.exists() and time.time() - failed.stat().st_mtime < 600:
            return failed.read_text()  # Another test of this run has tried.
        if failure := install(listed, folder):
            failed.write_text(failure)
            return failure
    loaded = subprocess.run(
        ["node", "-e", f"require('{package}')"],
        env={**support.CLEAN_ENVIRONMENT, "NODE_PATH": str(folder / "node_modules")},
        capture_output=True, text=True,
    )  # fmt: skip
    return None if loaded.returncode == 0 else f"node can't load it: {loaded.stderr.strip()[-300:]}"


def skip_module(what, reason):
    """For setUpModule: ends it, and says so where nobody overlooks it."""
    print(f"\n*** NOT TESTED {what}: {reason}\n", file=sys.stderr, flush=True)
    raise unittest.SkipTest(reason)

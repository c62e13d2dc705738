"""fanfare store from outside: copies beside a writer, interrupted and killed ones."""

import contextlib
import signal
import subprocess
import time
import unittest

import support
from support import Case, run, run_json


def rows(count, prefix):
    return "".join(f"{prefix}{i:08}{'x' * 150}\n" for i in range(count))


class StoreFile(Case):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "fleet.db"
        self.copy = self.folder / "copy.db"
        self.part = self.folder / "copy.db.part"
        done = run("--store", self.store, "devices", "import", "-", stdin=rows(60_000, "old-"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def start(self, *command, **options):
        return subprocess.Popen(
            [support.FANFARE, "--store", str(self.store), *map(str, command)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=support.CLEAN_ENVIRONMENT, text=True,
            **options,
        )  # fmt: skip

    @contextlib.contextmanager
    def half_made_copy(self):
        """A backup that stands still in the middle of its work."""
        for _ in range(50):
            process = self.start("store", "backup", self.copy)
            while process.poll() is None and not (self.part.exists() and self.part.stat().st_size):
                pass
            if process.poll() is None:
                process.send_signal(signal.SIGSTOP)
                if self.part.exists() and self.part.stat().st_size < self.store.stat().st_size:
                    yield process
                    process.communicate()
                    return
                process.send_signal(signal.SIGCONT)
            process.communicate()
            self.copy.unlink(missing_ok=True)
        self.fail("each of 50 copies was made before it could be stopped")

    def test_an_interrupted_backup_leaves_nothing(self):
        with self.half_made_copy() as process:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate()
            self.assertEqual(process.returncode, 4, errors)
            self.assertIn("interrupted", errors)
        self.assertFalse(self.part.exists())
        self.assertFalse(self.copy.exists())

    def test_a_killed_backup_has_no_name_and_the_next_one_takes_over(self):
        with self.half_made_copy() as process:
            busy = run("--store", self.store, "store", "backup", self.copy)
            self.assertEqual(busy.returncode, 2)
            self.assertIn("another process is making this copy", busy.stderr)
            process.kill()
        self.assertFalse(self.copy.exists())
        done = run("--store", self.store, "store", "backup", self.copy)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.part.exists())

    def test_a_backup_beside_an_import_is_a_sound_store_of_one_moment(self):
        importing = self.start("devices", "import", "-", stdin=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 60
            for batch in range(3):
                # More than a pipe holds, so the import is at it when this returns.
                importing.stdin.write(rows(20_000, f"new-{batch}-"))
                importing.stdin.flush()
                self.assertLess(time.monotonic(), deadline)
                status, told, errors = run_json(
                    "--store", self.store, "store", "backup", self.copy, "--force")  # fmt: skip
                self.assertEqual(status, 0, errors)
                self.assertEqual(told["bytes"], self.copy.stat().st_size)
                status, report, errors = run_json("--store", self.copy, "store", "check")
                self.assertEqual(status, 0, errors)
                self.assertEqual(report["findings"], [])
                # An import commits batches of 5,000.
                self.assertEqual(report["devices"] % 5_000, 0)
        finally:
            importing.communicate()
        self.assertEqual(importing.returncode, 0)


if __name__ == "__main__":
    unittest.main()

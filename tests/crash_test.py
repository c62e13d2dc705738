"""kill -9 in the middle of a send, then --resume, again and again."""

import os
import random
import signal
import subprocess
import unittest

import support
from support import Case, run_json

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))


class Crash(Case):
    def test_every_living_device_is_sent_to_and_only_what_was_under_way_twice(self):
        seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        for round_number in range(ROUNDS):
            with self.subTest(round=round_number, seed=seed):
                self.one_round(chance)

    def one_round(self, chance):
        emulator, devices = self.generated(20_000)
        store = self.folder / f"{chance.randrange(1 << 60)}.db"
        report = store.with_suffix(".jsonl")
        command = ("--json", "--store", store, *emulator.send_options(), "send", "--title", "t",
                   "--to", devices, "--report", report, "--ramp", 0, "--resume")  # fmt: skip
        kills = 0
        while kills < 6:
            process = subprocess.Popen(
                [support.FANFARE, *map(str, command)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=support.CLEAN_ENVIRONMENT,
            )  # fmt: skip
            try:
                process.wait(timeout=chance.uniform(0.05, 1.2))
                break  # It was done before we came.
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        status, summary, errors = run_json(*command[1:])
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["accepted"] + summary["retired"], 20_000)

        stats = emulator.stats()
        living = [row for row in emulator.devices().values()
                  if row["health"] in ("living", "flaky_503", "flaky_429", "flaky_cut")]  # fmt: skip
        self.assertTrue(all(int(row["accepted"]) >= 1 for row in living))
        # At most a window of attempts is under way at a time, and as many wait to be recorded; a
        # cut connection loses its answers.
        self.assertLessEqual(stats["second_sends"], kills * 1_000)
        lines = support.json_lines(report.read_text())
        self.assertEqual(len(lines), 20_000)
        self.assertEqual(len({line["target"]["token"] for line in lines}), 20_000)
        emulator.stop()


if __name__ == "__main__":
    unittest.main()

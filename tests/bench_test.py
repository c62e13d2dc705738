"""`fanfare bench` and the comparison in bench/: not how quick anything is, but that they measure
what they say."""

import json
import subprocess
import sys
import unittest
import xml.etree.ElementTree

import support
from support import Case, missing, run, run_json


class Bench(Case):
    def test_counts_the_messages_after_the_warm_up(self):
        status, figures, _ = run_json("bench", "--messages", 2000, "--warmup", 500)
        self.assertEqual(status, 0)
        self.assertEqual((figures["messages"], figures["accepted"]), (2000, 2000))
        for key in ("messages_per_s", "cpu_us_per_message", "peak_memory_bytes", "duration_s",
                    "cpu_cores", "connections", "latency_p50_ms", "latency_p99_ms"):  # fmt: skip
            self.assertGreater(figures[key], 0, key)

    def test_sends_for_so_long_at_such_a_rate(self):
        _, figures, _ = run_json("bench", "--rate", 60_000, "--duration", 2, "--latency", "20:5")
        self.assertEqual(figures["accepted"], 2000)
        self.assertGreater(figures["duration_s"], 1.5)
        self.assertLess(figures["duration_s"], 6)

    def test_projects_share_the_messages_and_repeat_none(self):
        emulator = self.emulator("--any-project")
        status, figures, _ = run_json(
            *emulator.send_options(), "bench", "--messages", 1000, "--projects", 3
        )
        self.assertEqual((status, figures["accepted"], figures["projects"]), (0, 1000, 3))
        stats = emulator.stats()
        self.assertEqual((stats["accepted"], stats["duplicates"]), (1000, 0))
        self.assertEqual(stats["most_in_a_minute_by_project"],
                         {"bench-1": 334, "bench-2": 333, "bench-3": 333})  # fmt: skip

    def test_the_built_in_emulator_serves_all_projects(self):
        status, figures, _ = run_json("bench", "--messages", 100, "--projects", 2)
        self.assertEqual((status, figures["accepted"]), (0, 100))

    def test_bodies_have_the_size_that_was_asked_for(self):
        emulator = self.emulator(tls=False)
        run("--endpoint", emulator.plain, "--project", "p", "bench", "--messages", 1, "--size", 1234)
        (message,) = json.loads(emulator.get("/_emulator/messages"))["messages"]
        text = json.dumps(message["request"], separators=(",", ":"))
        self.assertEqual(len(text), 1234)

    def test_gateway_measures_one_and_leaves_nothing_behind(self):
        status, figures, errors = run_json(
            "bench", "--gateway", "--waiting", 2000, environment={"TMPDIR": str(self.folder)}
        )
        self.assertEqual(status, 0, errors)
        for key in ("accepts_per_s", "accept_p99_ms", "bulk_messages_per_s", "resident_mib"):
            self.assertGreater(figures[key], 0, key)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_registry_measures_a_fleet_and_leaves_nothing_behind(self):
        status, figures, _ = run_json(
            "bench", "--registry", "--devices", 3000, environment={"TMPDIR": str(self.folder)}
        )
        self.assertEqual(status, 0)
        for key in ("import_per_s", "refresh_per_s", "stream_per_s", "show_us", "retired_per_s"):
            self.assertGreater(figures[key], 0, key)
        self.assertEqual(list(self.folder.iterdir()), [])


class Compare(Case):
    def test_writes_a_table_and_a_chart_when_the_books_agree(self):
        if reason := missing("h2load"):
            self.skipTest(reason)
        done = subprocess.run(
            [sys.executable, support.ROOT / "bench/compare", "--binary", support.FANFARE,
             "--contenders", "fanfare,h2load", "--messages", "4000", "--rounds", "1",
             "--token-chars", "180", "--out", self.folder],
            capture_output=True, text=True, timeout=120, env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("of h2load's CPU", done.stdout)
        self.assertEqual((self.folder / "compare-emulator.md").read_text().strip(),
                         done.stdout.strip())  # fmt: skip
        chart = xml.etree.ElementTree.parse(self.folder / "compare-emulator.svg").getroot()
        self.assertEqual(len(chart.findall("{*}rect")), 2)


class Endurance(Case):
    def run_it(self, *options):
        return subprocess.run(
            [sys.executable, support.ROOT / "bench/endurance", "--binary", support.FANFARE,
             *map(str, options)],
            capture_output=True, text=True, timeout=120, env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip

    def test_proves_that_nothing_unprocessed_is_lost_or_sent_twice(self):
        done = self.run_it("unprocessed", "--scale", 0.005)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("| unprocessed | devices accepted | 5,000 | 5,000 | yes |", done.stdout)

    def test_a_promise_that_does_not_hold_is_a_failure(self):
        done = self.run_it("projects", "--scale", 0.02)
        # A second is too short to be steady.
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("**NO**", done.stdout)

    def test_knows_its_proofs_by_name(self):
        self.assertEqual(self.run_it("nothing").returncode, 2)
        self.assertIn("unprocessed", self.run_it("--list").stdout)


if __name__ == "__main__":
    unittest.main()

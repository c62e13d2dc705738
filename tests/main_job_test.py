"""The main job: send to a real list of devices, and the list comes out healthy."""

import subprocess
import sys
import unittest

import support
from support import Case, run, run_json


class MainJob(Case):
    def test_the_list_comes_out_healthy(self):
        emulator, devices = self.generated(20_000)
        store = self.folder / "fleet.db"
        self.assertEqual(run("--store", store, "devices", "import", devices).returncode, 0)
        send = ("--store", store, *emulator.send_options(), "send", "--title", "t",
                "--audience", "all", "--ramp", 0)  # fmt: skip

        status, first, errors = run_json(*send, "--report", self.folder / "first.jsonl")
        self.assertEqual(status, 1, errors)
        self.assertEqual(first["accepted"] + first["retired"], 20_000)
        known = self.folder / "known.csv"
        known.write_text(emulator.get("/_emulator/devices"))
        emulator.post("/_emulator/reset")

        status, second, errors = run_json(*send, "--report", self.folder / "second.jsonl")
        self.assertEqual((status, second["accepted"]), (0, first["accepted"]), errors)
        stats = emulator.stats()
        self.assertEqual(stats["requests"], first["accepted"])

        concluded = self.folder / "concluded.jsonl"
        concluded.write_text(run("--json", "--store", store, "devices", "list").stdout)
        compared = subprocess.run(
            [sys.executable, support.ROOT / "tools/compare_health.py", known, concluded,
             self.folder / "second.jsonl"],  # fmt: skip
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(compared.returncode, 0, compared.stdout)

    def test_a_file_is_sent_to_without_a_store(self):
        emulator, devices = self.generated(1_000)
        report = self.folder / "report.jsonl"
        status, summary, errors = run_json(
            *emulator.send_options(), "send", "--title", "t", "--to", devices, "--report", report,
            "--ramp", 0, cwd=self.folder,
        )  # fmt: skip
        self.assertEqual(status, 1, errors)
        lines = support.json_lines(report.read_text())
        self.assertEqual(len({line["target"]["token"] for line in lines}), 1_000)
        self.assertEqual(len(lines), 1_000)
        self.assertFalse((self.folder / "fanfare.db").exists())

    def test_one_token_and_one_topic(self):
        emulator = self.emulator()
        status, summary, errors = run_json(
            *emulator.send_options(), "send", "--title", "t", "--token", support.TOKEN,
            "--topic", "news",
        )  # fmt: skip
        self.assertEqual((status, summary["accepted"]), (0, 2), errors)

    def test_the_emulator_variable_needs_no_credentials(self):
        emulator = self.emulator(tls=False)
        done = run(
            "send", "--title", "t", "--token", support.TOKEN,
            environment={"FCM_EMULATOR_HOST": f"127.0.0.1:{emulator.port}"},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

"""Preflight: each fault on its own line with a remedy, and nothing delivered."""

import os
import unittest

from support import TOKEN, Case, json_lines, run, run_json


class Preflight(Case):
    def lines(self, emulator, *options, environment=None):
        done = run(
            *emulator.send_options(), "--json", "preflight", *options, environment=environment
        )
        return done.returncode, {line["check"]: line for line in json_lines(done.stdout)}

    def states(self, lines):
        return {name: line["state"] for name, line in lines.items()}

    def test_all_is_well_and_nothing_is_delivered(self):
        emulator, devices = self.generated(3_000)
        os.chmod(emulator.ready["credentials_file"], 0o600)
        status, lines = self.lines(
            emulator, "--title", "x", "--data", "a=b", "--to", devices, "--rate", "60000/min"
        )
        self.assertEqual(status, 0, lines)
        self.assertEqual(
            list(lines),
            ["credentials", "network", "oauth", "clock", "api", "iam", "message", "dry_run",
             "audience", "quota", "duration"],
        )  # fmt: skip
        self.assertEqual(lines["audience"]["what"], "3,000 receivers")
        self.assertEqual(emulator.stats()["accepted"], 0)
        self.assertEqual(emulator.stats()["dry_runs"], 2)

    def test_each_fault_of_the_project_has_its_line(self):
        for fault, check in (
            ("api_disabled", "api"),
            ("iam", "iam"),
            ("project_not_found", "api"),
            ("revoked_key", "oauth"),
            ("clock_skew", "clock"),
            ("account_gone", "oauth"),
            ("unauthenticated", "oauth"),
            ("html_404", "api"),
        ):
            with self.subTest(fault):
                emulator = self.emulator()
                emulator.fault(fault=fault)
                status, lines = self.lines(emulator, "--title", "x")
                self.assertEqual(status, 3)
                self.assertEqual(lines[check]["state"], "failed", self.states(lines))
                self.assertTrue(lines[check]["remedy"])
                self.assertEqual(lines["dry_run"]["state"], "skipped")

    def test_a_fault_of_the_message_is_no_block(self):
        emulator = self.emulator()
        status, lines = self.lines(emulator, "--data", "from=x", "--token", TOKEN)
        self.assertEqual(status, 1)
        self.assertEqual(lines["message"]["state"], "failed")
        self.assertEqual(lines["dry_run"]["state"], "skipped")
        status, lines = self.lines(
            emulator, "--data", "from=x", "--token", TOKEN, "--ignore", "check.data_reserved_key"
        )
        self.assertEqual((status, lines["dry_run"]["state"]), (1, "failed"), lines)
        emulator.fault(fault="payload_invalid")  # What only FCM can know.
        status, lines = self.lines(emulator, "--title", "x", "--token", TOKEN)
        self.assertEqual((status, lines["dry_run"]["state"]), (1, "failed"), lines)

    def test_credentials_that_are_missing_or_open_to_all(self):
        emulator = self.emulator()
        key = emulator.ready["credentials_file"]
        os.chmod(key, 0o644)
        status, lines = self.lines(emulator)
        self.assertEqual((status, lines["credentials"]["state"]), (0, "warned"), lines)
        done = run("--json", "--credentials", self.folder / "none.json", "preflight")
        self.assertEqual(done.returncode, 3, done.stdout)
        first = json_lines(done.stdout)[0]
        self.assertEqual((first["check"], first["state"]), ("credentials", "failed"))
        self.assertIn("none.json", first["what"])

    def test_nobody_there_and_nobody_answering(self):
        emulator, devices = self.generated(10)
        devices.write_text("token\n")
        status, lines = self.lines(emulator, "--title", "x", "--to", devices)
        self.assertEqual((status, lines["audience"]["state"]), (0, "warned"), lines)
        emulator.stop()
        done = run(*emulator.send_options(), "preflight")
        self.assertEqual(done.returncode, 3, done.stdout)


class BeforeASend(Case):
    def send(self, emulator, store, *options):
        return run_json(
            *emulator.send_options(), "--store", store, "send", "--title", "x", "--audience", "all",
            "--ramp", "0", *options,
        )  # fmt: skip

    def test_a_large_audience_is_preflighted_and_a_fault_stops_it_before_it_begins(self):
        emulator, devices = self.generated(300)
        store = self.folder / "fleet.db"
        run("--store", store, "devices", "import", devices)
        emulator.fault(fault="iam")
        status, summary, errors = self.send(emulator, store, "--preflight-above", "100")
        self.assertEqual(status, 3, errors)
        self.assertEqual(summary["blocked"][0]["rule"], "project.iam")
        self.assertIn("nothing was sent", errors)
        self.assertEqual(emulator.stats()["requests"], 1)
        again = run(
            *emulator.send_options(), "--store", store, "send", "--resume", "--audience", "all"
        )
        self.assertIn("no interrupted send", again.stderr)
        emulator.fault(fault="none")
        status, summary, errors = self.send(emulator, store, "--preflight-above", "100")
        self.assertEqual(status, 1, errors)
        self.assertEqual(emulator.stats()["dry_runs"], 2)

    def test_a_small_audience_and_a_zero_go_at_once(self):
        emulator, devices = self.generated(50)
        store = self.folder / "fleet.db"
        run("--store", store, "devices", "import", devices)
        for options in ((), ("--preflight-above", "0")):
            self.send(emulator, store, *options)
        self.assertEqual(emulator.stats()["dry_runs"], 0)


if __name__ == "__main__":
    unittest.main()

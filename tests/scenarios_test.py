"""Every fault of the emulator's catalogue, as clients meet it.

Which verdict a fault must come to is written down here once more, by hand: it is what the fault is
meant to look like, whatever the code of either side says.
"""

import json
import subprocess
import unittest

from support import TOKEN, Case, json_lines, missing, run

# Fault -> (verdict of the only attempt, deliveries that the phone nevertheless got).
SEEN_BY_FANFARE = {
    "project_not_found": ("project_blocked", 0),
    "api_disabled": ("project_blocked", 0),
    "iam": ("project_blocked", 0),
    "quota_429": ("throttled_project", 0),
    # Over plaintext there is no other access token to be had.
    "unauthenticated": ("project_blocked", 0),
    "expired_token": ("project_blocked", 0),
    "scope_insufficient": ("project_blocked", 0),
    "apns_broken": ("platform_blocked", 0),
    "outage_404": ("device_gone", 0),
    "device_quota_429": ("throttled_target", 0),
    "service_503": ("service_unavailable", 0),
    "internal_500": ("service_unavailable", 0),
    "delivered_503": ("service_unavailable", 1),
    "html_404": ("project_blocked", 0),
    "html_502": ("service_unavailable", 0),
    "html_200": ("unknown_outcome", 0),
    "nameless_200": ("unknown_outcome", 1),
    "empty_200": ("unknown_outcome", 1),
    "payload_invalid": ("message_invalid", 0),
    "bare_invalid_argument": ("device_suspect", 0),
    "bare_payload_invalid": ("device_suspect", 0),
    "too_large": ("message_invalid", 0),
    "refused_stream": ("unsent", 0),
    "reset_before": ("unknown_outcome", 0),
    "reset_after": ("unknown_outcome", 1),
    "cut_before": ("unknown_outcome", 0),
    "cut_after": ("unknown_outcome", 1),
    "truncated": ("unknown_outcome", 1),
    "half_close": ("unknown_outcome", 0),
    "slow_reader": ("accepted", 1),
    "goaway_before": ("unsent", 0),
    "goaway_after": ("accepted", 1),
    "goaway_notice": ("accepted", 1),
    "goaway_max_streams": ("unknown_outcome", 0),
    "goaway_pings": ("unknown_outcome", 0),
    "goaway_timeout": ("unsent", 0),
    "lower_streams": ("accepted", 1),
}
# These are seen by what curl says of them, in test_curl.
SEEN_BY_CURL = {"silence", "stalled", "topic_quota_429"}
# These are at the token endpoint: credentials_test.py, and test_token_endpoint for the last two.
AT_THE_TOKEN_ENDPOINT = {"revoked_key", "clock_skew", "account_gone", "oauth_503", "oauth_dead"}


class Scenarios(Case):
    def setUp(self):
        super().setUp()
        self.fcm = self.emulator(tls=False)

    def phone(self, platform="ios"):
        return json.loads(self.fcm.post("/_emulator/devices", {"platform": platform}))["device"]

    def send(self, *options):
        """The line of the report, and the exit status, of one send with one attempt."""
        report = self.folder / "report.jsonl"
        done = run(
            "send", "--title", "Hello", "--report", report, *options,
            environment={"FCM_EMULATOR_HOST": f"127.0.0.1:{self.fcm.port}"},
        )  # fmt: skip
        lines = json_lines(report.read_text())
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0], done.returncode

    def inbox(self, device):
        return json.loads(self.fcm.get(f"/_emulator/inbox?device={device}"))["deliveries"]

    def test_every_fault_is_seen_by_some_test(self):
        known = json.loads(self.fcm.get("/_emulator/faults/catalogue"))["faults"]
        seen = SEEN_BY_FANFARE.keys() | SEEN_BY_CURL | AT_THE_TOKEN_ENDPOINT
        self.assertEqual({entry["fault"] for entry in known}, seen)

    def test_a_fault_and_its_verdict(self):
        for fault, (verdict, arrived) in SEEN_BY_FANFARE.items():
            with self.subTest(fault):
                phone = self.phone()
                self.fcm.fault(fault=fault, outage_share=1)
                line, _ = self.send("--token", phone, "--max-attempts", 1)
                self.fcm.fault(fault="none")
                self.assertEqual(line["verdict"], verdict, line)
                self.assertEqual(len(self.inbox(phone)), arrived)

    def test_what_was_never_processed_is_sent_again_at_once(self):
        for fault in ("refused_stream", "goaway_before", "goaway_timeout"):
            with self.subTest(fault):
                phone = self.phone()
                self.fcm.fault(rules=[{"fault": fault, "times": 1}])
                line, status = self.send("--token", phone)
                self.assertEqual((line["verdict"], status), ("accepted", 0), line)
                self.assertEqual(len(self.inbox(phone)), 1)

    def test_a_wave_of_404_passes(self):
        """Half of all devices are called dead for ten minutes, and then live again."""
        self.fcm.fault(rules=[{"fault": "outage_404", "share": 0.5, "lasts_s": 600}])
        phones = [self.phone("android") for _ in range(20)]
        gone = [p for p in phones if self.send("--token", p)[0]["verdict"] == "device_gone"]
        self.assertTrue(0 < len(gone) < len(phones))
        self.fcm.post("/_emulator/clock", {"advance_s": 600})
        for phone in gone:
            self.assertEqual(self.send("--token", phone)[0]["verdict"], "accepted")

    def test_retry_after_in_each_form(self):
        for settings, wanted in (
            ({"retry_after": 7, "retry_after_as_date": False}, 7),
            ({"retry_after": 7, "retry_after_as_date": True}, 7),
            ({"retry_after": None}, None),
        ):
            self.fcm.fault(fault="service_503", **settings)
            answer = self.curl("-D", "-", "-o", "/dev/null").stdout
            header = [
                line.partition(":")[2].strip()
                for line in answer.splitlines()
                if line.lower().startswith("retry-after")
            ]
            self.assertEqual(len(header), 0 if wanted is None else 1, answer)
            if header:
                explained = run(
                    "--json", "explain", "--status", 503, "--retry-after", header[0]
                ).stdout
                self.assertAlmostEqual(json.loads(explained)["retry_after_s"], wanted, delta=2)

    def curl(self, *options, target='"token": "%s"' % TOKEN):
        return subprocess.run(
            [
                "curl", "-sS", "--http2-prior-knowledge", *options,
                "-H", "content-type: application/json", "-d", '{"message": {%s}}' % target,
                f"{self.fcm.plain}/v1/projects/demo/messages:send",
            ],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    @unittest.skipIf(missing("curl"), missing("curl"))
    def test_curl(self):
        timed_out = 28
        self.fcm.fault(fault="silence")
        self.assertEqual(self.curl("--max-time", "0.3").returncode, timed_out)
        self.fcm.fault(fault="stalled")
        stalled = self.curl("--max-time", "0.3")
        self.assertEqual(stalled.returncode, timed_out)
        self.assertTrue(stalled.stdout.startswith("{"), "half of the body has come")
        self.fcm.fault(fault="topic_quota_429")
        answer = json.loads(self.curl(target='"topic": "news"').stdout)
        self.assertEqual(answer["error"]["message"], "Topic quota exceeded.")
        self.assertIn("name", json.loads(self.curl().stdout), "a device is no topic")

    def test_token_endpoint(self):
        fcm = self.emulator()
        for fault, words in (("oauth_503", "status 503"), ("oauth_dead", "connection lost")):
            with self.subTest(fault):
                fcm.fault(fault=fault)
                done = run(
                    *fcm.send_options(), "send", "--title", "x", "--token", TOKEN,
                    "--max-attempts", 1, "--deadline", "1s",
                )  # fmt: skip
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(words, done.stdout)
        self.assertEqual(fcm.stats()["requests"], 0)

    def test_books_balance_through_all_of_it(self):
        for fault in SEEN_BY_FANFARE:
            self.fcm.fault(fault=fault)
            self.send("--token", self.phone(), "--max-attempts", 1)
        stats = self.fcm.stats()
        self.assertEqual(stats["requests"], sum(stats["answers"].values()))
        taken = sum(n for kind, n in stats["answers"].items() if kind.split()[-1] == "200")
        self.assertEqual(taken, stats["accepted"] + stats["dry_runs"])


if __name__ == "__main__":
    unittest.main()

"""Topics over both APIs, against the emulator: who is subscribed, who is dead, what the store keeps."""

import unittest

import support
from support import Case, json_lines, run, run_json


class Topics(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, self.devices_ = self.generated(500)
        self.store = self.folder / "fleet.db"
        done = run("--store", self.store, "devices", "import", self.devices_)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.known = self.emulator_.devices()
        self.living = [
            token for token, row in self.known.items()
            if row["health"].startswith(("living", "flaky", "apns"))
        ]  # fmt: skip

    def change(self, deed, *options):
        return run_json(
            *self.emulator_.send_options(), "--iid-endpoint", self.emulator_.secure,
            "--store", self.store, "topics", deed, "news", "--audience", "all", *options,
        )  # fmt: skip

    def topics_of(self, token):
        done = run("--json", *self.emulator_.send_options(), "topics", "list", token)
        return done.returncode, json_lines(done.stdout)

    def assert_dead_are_retired(self):
        states = self.states(self.store)
        for token in self.living:
            self.assertEqual(states[token]["state"], "active", states[token])
        dead = [t for t, row in self.known.items() if row["health"] == "unregistered"]
        self.assertTrue(dead)
        for token in dead:
            self.assertEqual(states[token]["state"], "retired")
            self.assertEqual(states[token]["rule"], "token.unregistered")

    def test_over_v1_the_living_are_subscribed_and_the_dead_retired(self):
        report = self.folder / "report.jsonl"
        status, summary, errors = self.change("subscribe", "--report", report)
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["changed"], len(self.living), summary)
        self.assertEqual(len(report.read_text().splitlines()), 500)
        self.assert_dead_are_retired()
        status, topics = self.topics_of(self.living[0])
        self.assertEqual((status, [line["topic"] for line in topics]), (0, ["news"]))
        status, summary, errors = self.change("subscribe")  # Of those left all are subscribed.
        self.assertEqual(summary["changed"], len(self.living), summary)
        status, summary, errors = self.change("unsubscribe")
        self.assertEqual(self.topics_of(self.living[0]), (0, []))

    def test_over_the_instance_id_api_the_same(self):
        status, summary, errors = self.change("subscribe", "--iid")
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["changed"], len(self.living), summary)
        self.assert_dead_are_retired()
        self.assertEqual([t["topic"] for t in self.topics_of(self.living[0])[1]], ["news"])
        self.change("unsubscribe", "--iid")
        self.assertEqual(self.topics_of(self.living[0]), (0, []))

    def test_a_blocked_project_retires_nobody(self):
        self.emulator_.fault(fault="api_disabled")
        status, summary, errors = self.change("subscribe")
        self.assertEqual(status, 3, summary)
        self.assertEqual({line["state"] for line in self.states(self.store).values()}, {"active"})

    def test_a_topic_that_can_be_none_is_refused_at_once(self):
        done = run("topics", "subscribe", "no spaces", "--token", support.TOKEN)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no spaces", done.stderr)


if __name__ == "__main__":
    unittest.main()

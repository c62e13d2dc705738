"""FCM's other APIs through the command: device groups, instance information, APNs tokens, delivery data."""

import csv
import io
import json
import unittest

from support import Case, json_lines, run, run_json

SENDER_ID = "123456789012"
APP = "1:123456789012:android:abc"


class Groups(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, _ = self.generated(200)
        rows = self.emulator_.devices()
        self.living = [token for token, row in rows.items() if row["health"] == "living"]
        self.dead = [token for token, row in rows.items() if row["health"] == "unregistered"]

    def groups(self, *arguments):
        return run(
            *self.emulator_.send_options(), "--json", "groups", *arguments, "--sender-id", SENDER_ID
        )

    def tokens(self, *tokens):
        return [part for token in tokens for part in ("--token", token)]

    def key(self, *arguments):
        done = self.groups(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["notification_key"]

    def test_a_group_is_made_grown_sent_to_and_ended(self):
        a, b, c = self.living[:3]
        key = self.key("create", "user-42", *self.tokens(a, b))
        self.key("add", "user-42", *self.tokens(c))
        self.key("remove", "--key", key, *self.tokens(b))
        status, summary, errors = run_json(
            *self.emulator_.send_options(), "send", "--title", "x", "--token", key
        )
        self.assertEqual((status, summary["accepted"]), (0, 1), errors)
        rows = self.emulator_.devices()
        self.assertEqual([rows[token]["reached"] for token in (a, b, c)], ["1", "0", "1"])
        self.assertTrue(self.key("retrieve", "user-42"))
        self.key("remove", "user-42", *self.tokens(a, c))
        done = self.groups("retrieve", "user-42")
        self.assertEqual(done.returncode, 1)
        self.assertIn("group.not_found", done.stderr)

    def test_each_refusal_says_what_to_do(self):
        self.key("create", "g", *self.tokens(self.living[0]))
        again = self.groups("create", "g", *self.tokens(self.living[0]))
        self.assertEqual(again.returncode, 1)
        self.assertIn("group.exists", again.stderr)
        self.assertIn("groups retrieve", again.stderr)
        dead = self.groups("create", "h", *self.tokens(self.dead[0]))
        self.assertEqual(dead.returncode, 1)
        self.assertIn("group.no_members", dead.stderr)
        many = self.groups("create", "h", *self.tokens(*self.living[:21]))
        self.assertEqual(many.returncode, 2)
        self.assertIn("at most 20", many.stderr)
        nobody = self.groups("add", *self.tokens(self.living[0]))
        self.assertEqual(nobody.returncode, 2)
        wrong = run(*self.emulator_.send_options(), "groups", "retrieve", "g", "--sender-id", "demo")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("Cloud Messaging", wrong.stderr)


class Instances(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, _ = self.generated(200)

    def topics(self, *arguments):
        return run(
            *self.emulator_.send_options(), "--iid-endpoint", self.emulator_.secure,
            "--json", "topics", *arguments,
        )  # fmt: skip

    def token(self, health):
        rows = self.emulator_.devices()
        return next(token for token, row in rows.items() if row["health"] == health)

    def test_info_tells_app_platform_and_topics(self):
        token = self.token("living")
        self.assertEqual(self.topics("subscribe", "news", "--token", token).returncode, 0)
        done = self.topics("info", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        info = json.loads(done.stdout)
        self.assertEqual(info["project_number"], SENDER_ID)
        self.assertEqual(list(info["topics"]), ["news"])
        over_iid = json_lines(self.topics("list", "--iid", token).stdout)
        over_v1 = json_lines(self.topics("list", token).stdout)
        self.assertEqual([line["topic"] for line in over_iid], ["news"])
        self.assertEqual([line["topic"] for line in over_v1], ["news"])

    def test_info_of_a_dead_token_is_a_doubt_and_no_verdict(self):
        for health, rule in ("unregistered", "instance.unknown"), ("malformed", "instance.invalid"):
            done = self.topics("info", self.token(health))
            self.assertEqual(done.returncode, 1)
            self.assertIn(rule, done.stderr)

    def test_apns_tokens_become_registrations_that_can_be_sent_to(self):
        good = [f"{number:064x}" for number in range(150)]  # Two requests.
        tokens = self.folder / "apns.txt"
        tokens.write_text("# from the old system\n" + "\n".join(good) + "\n\nabc\n")
        done = self.topics("import-apns", "--application", "com.x", "--from", tokens)
        self.assertEqual(done.returncode, 1, done.stderr)  # "abc" is too short for Apple's.
        lines = {line["apns_token"]: line for line in json_lines(done.stdout)}
        self.assertEqual(set(lines), {*good, "abc"})
        self.assertIsNone(lines.pop("abc")["token"])
        imported = self.folder / "imported.jsonl"
        imported.write_text("".join(json.dumps(line) + "\n" for line in lines.values()))
        status, summary, errors = run_json(
            *self.emulator_.send_options(), "send", "--title", "x", "--to", imported
        )
        self.assertEqual((status, summary["accepted"]), (0, 150), errors)

    def test_what_is_no_apns_token_is_told_with_its_line(self):
        tokens = self.folder / "apns.txt"
        tokens.write_text("00ff\n<00ff>\n")
        done = self.topics("import-apns", "--application", "com.x", "--from", tokens)
        self.assertEqual(done.returncode, 2)
        self.assertIn("apns.txt:2", done.stderr)


class DeliveryData(Case):
    def test_days_of_labels_as_table_csv_and_json(self):
        emulator, devices = self.generated(200)
        for label in "spring", "autumn":
            message = self.folder / f"{label}.json"
            message.write_text(
                json.dumps(
                    {"notification": {"title": "x"}, "fcm_options": {"analytics_label": label}}
                )
            )
            run(*emulator.send_options(), "send", "--message", message, "--to", devices)
        data = ("delivery-data", APP)
        done = run(*emulator.send_options(), "--json", *data)
        self.assertEqual(done.returncode, 0, done.stderr)
        days = json_lines(done.stdout)
        self.assertEqual([day["analytics_label"] for day in days], ["autumn", "spring"])
        spring = days[1]
        self.assertGreater(spring["messages_accepted"], 20)
        total = spring["delivered_percent"] + spring["dropped_device_inactive_percent"]
        self.assertAlmostEqual(total, 100, places=3)
        self.assertIsNone(spring["priority_lowered_percent"])

        rows = list(csv.DictReader(io.StringIO(run(*emulator.send_options(), *data, "--csv").stdout)))
        self.assertEqual([set(row) for row in rows], [set(day) for day in days])
        self.assertEqual(rows[1]["messages_accepted"], str(spring["messages_accepted"]))
        self.assertEqual(rows[1]["priority_lowered_percent"], "")

        table = run(*emulator.send_options(), *data, "--label", "spring").stdout
        self.assertIn("spring", table)
        self.assertNotIn("autumn", table)

    def test_the_project_s_trouble_is_told_as_in_a_send(self):
        emulator = self.emulator()
        done = run(*emulator.send_options(), "--project", "another", "delivery-data", APP)
        self.assertEqual(done.returncode, 3)
        self.assertIn("project.", done.stderr)


if __name__ == "__main__":
    unittest.main()

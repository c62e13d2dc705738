"""No living device is lost: a fleet of 50,000 through everything that makes devices look dead.

The truth is the emulator's own list. After each send no living device may be retired; after the
next clean one none may even be suspect, and no dead one may be active.
"""

import csv
import datetime
import http.client
import json
import sqlite3
import threading
import unittest
import urllib.parse

import support
from support import Case, run, run_json

FLEET = 50_000
LIVING = {"living", "flaky_503", "flaky_429", "flaky_cut"}
# The brake's floor: so few may be retired for a moment, before a wave is one.
FLOOR = 100


class Fleet(Case):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "fleet.db"

    def start(self):
        self.emulator_, self.devices = self.generated(FLEET)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.emulator_.port, timeout=60)
        self.addCleanup(self.connection.close)
        # Those that fail once would keep each test waiting for their retries.
        for token, row in self.emulator_.devices().items():
            if row["health"].startswith("flaky"):
                self.act(token, "health", {"health": "living"})

    def act(self, registration, action, body=None):
        """One step in a device's life; over a connection that stays, since there are thousands."""
        place = f"/_emulator/devices/{urllib.parse.quote(registration, safe='')}/{action}"
        self.connection.request("POST", place, json.dumps(body or {}))
        answer = self.connection.getresponse()
        told = json.loads(answer.read())
        self.assertEqual(answer.status, 200, told)
        return told

    def imported(self, path):
        done = run("--store", self.store, "devices", "import", path)
        self.assertEqual(done.returncode, 0, done.stderr)

    def send(self, *options, extra=(), status=None):
        code, summary, errors = run_json(
            "--store", self.store, *self.emulator_.send_options(), *extra, "send", "--title", "t",
            "--audience", "all", "--ramp", 0, "--rate", 0, *options,
        )  # fmt: skip
        if status is not None:
            self.assertEqual(code, status, errors)
        return summary

    def rows(self):
        """registration -> state (0 active, 1 suspect, 2 retired), as docs/store.md has them."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as store:
            return dict(store.execute("SELECT value, state FROM device"))

    def with_state(self, state):
        return {registration for registration, its in self.rows().items() if its == state}

    def truth(self):
        devices = self.emulator_.devices()
        living = {name for name, row in devices.items() if row["health"] in LIVING}
        return living, devices.keys() - living

    def assert_no_living_device_retired(self):
        living, _ = self.truth()
        self.assertEqual(len(living & self.with_state(2)), 0)

    def assert_healthy(self):
        """After a clean send."""
        living, dead = self.truth()
        rows = self.rows()
        self.assertEqual(sum(rows[device] != 0 for device in living), 0, "living, not active")
        self.assertEqual(sum(rows.get(device) == 0 for device in dead), 0, "dead, yet active")

    def brakes(self):
        done = run("--json", "--store", self.store, "devices", "brake", "status")
        self.assertEqual(done.returncode, 0, done.stderr)
        return support.json_lines(done.stdout)

    def wave(self, share=0.5):
        self.emulator_.fault(fault="outage_404", outage_share=share)

    def mend(self):
        self.emulator_.fault(fault="none")


class Faults(Fleet):
    """Faults of the project, the key, the platform, the message: nothing is the devices' own."""

    def through(self, fault=None, extra=(), status=3, rule=None):
        self.start()
        self.imported(self.devices)
        if fault:
            self.emulator_.fault(**fault)
        summary = self.send(extra=extra, status=status)
        named = summary["blocked"][0] if "blocked" in summary else summary["message_fault"]
        self.assertEqual(named["rule"], rule)
        self.assert_no_living_device_retired()
        self.mend()
        self.send(status=1)
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])

    def test_a_wrong_project(self):
        self.through(extra=("--project", "not-mine"), rule="project.iam")

    def test_a_bare_404(self):
        self.through({"fault": "project_not_found"}, rule="project.not_found")

    def test_a_revoked_key(self):
        self.through({"fault": "revoked_key"}, rule="oauth.revoked_key")

    def test_a_disabled_api(self):
        self.through({"fault": "api_disabled"}, rule="project.api_disabled")

    def test_a_page_of_a_proxy(self):
        self.through({"fault": "html_404"}, rule="project.wrong_url")

    def test_a_broken_apns_key(self):
        self.through({"fault": "apns_broken"}, rule="platform.apns_key")

    def test_a_bad_payload(self):
        self.through({"fault": "payload_invalid"}, status=1, rule="message.ttl")


class Waves(Fleet):
    """FCM calls half of all living devices UNREGISTERED."""

    def watch_retired(self, living, ended, seen):
        """The most living devices that were retired at any moment while a send ran."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as store:
            while not ended.wait(0.02):
                dead = store.execute("SELECT value FROM device WHERE state = 2")
                seen.append(len(living & {row[0] for row in dead}))

    def test_a_wave_and_its_end(self):
        self.start()
        self.imported(self.devices)
        self.wave()
        living, _ = self.truth()
        ended, seen = threading.Event(), []
        watcher = threading.Thread(target=self.watch_retired, args=(living, ended, seen))
        watcher.start()
        try:
            summary = self.send(status=1)
        finally:
            ended.set()
            watcher.join()
        self.assertGreater(len(seen), 0)
        self.assertLess(max(seen), FLOOR)
        self.assertEqual(summary["brake"], "token.unregistered")
        self.assert_no_living_device_retired()
        brakes = self.brakes()
        self.assertEqual({brake["platform"] for brake in brakes}, {"android", "ios", "web"})
        for brake in brakes:
            self.assertGreater(brake["why"]["share"], brake["why"]["limit"])
            self.assertIsNone(brake["over"])
        suspects = self.with_state(1)
        self.assertGreater(len(suspects & living), FLEET * 0.4)

        self.send(status=1)
        self.assert_no_living_device_retired()
        self.assertEqual(self.with_state(1), suspects)

        self.mend()
        summary = self.send(status=1)
        self.assertNotIn("brake", summary)
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])
        self.assertEqual(self.send(status=0)["accepted"], len(living))

    def test_a_wave_behind_a_clean_send(self):
        self.start()
        self.imported(self.devices)
        self.send(status=1)
        self.assert_healthy()
        self.wave()
        self.send(status=1)
        self.assert_no_living_device_retired()
        self.mend()
        self.send()
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])

    def test_a_wave_in_the_middle_of_a_send(self):
        self.start()
        self.imported(self.devices)
        self.emulator_.fault(
            rules=[{"fault": "outage_404", "share": 0.5, "after_requests": 20_000, "times": 5_000}]
        )
        self.send(status=1)
        self.assert_no_living_device_retired()
        self.assertGreater(len(self.with_state(1)), 4_500)
        self.emulator_.fault(rules=[])
        self.send(status=1)
        self.assert_healthy()

    def test_a_canary_stops_a_small_wave(self):
        self.start()
        self.imported(self.devices)
        self.send(status=1)
        self.wave(share=0.02)
        living, _ = self.truth()
        # Who is hit is the emulator's draw; a dry run of everybody finds out, and changes nothing.
        report = self.folder / "report.jsonl"
        copy = self.folder / "copy.db"
        with sqlite3.connect(self.store) as store, sqlite3.connect(copy) as other:
            store.backup(other)
        done = run(
            "--store", copy, *self.emulator_.send_options(), "send", "--title", "t", "--dry-run",
            "--audience", "all", "--ramp", 0, "--rate", 0, "--report", report,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        hit = [
            line["target"]["token"]
            for line in support.json_lines(report.read_text())
            if line["verdict"] == "device_gone"
        ]
        self.assertGreater(len(hit), 500)
        done = run("--store", self.store, "devices", "canary", "add", *hit[:10])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.send(status=1)
        self.assert_no_living_device_retired()
        named = {brake["why"]["canary"] for brake in self.brakes() if "canary" in brake["why"]}
        self.assertTrue(named and named <= set(hit[:10]), named)
        self.mend()
        self.send()
        self.assert_healthy()
        # Most of the suspects are dead indeed, retired by the first send within the same hour: a
        # day later they are believed to be.
        self.assertNotEqual(self.brakes(), [])
        self.send("--brake-recheck", 0)
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])

    def test_what_a_person_confirmed_by_mistake_comes_back(self):
        self.start()
        self.imported(self.devices)
        self.wave()
        self.send(status=1)
        active, suspects = self.with_state(0), self.with_state(1)
        before = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        done = run("--store", self.store, "devices", "brake", "confirm")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(suspects <= self.with_state(2))
        code, restored, errors = run_json(
            "--store", self.store, "devices", "restore", "--since", before
        )
        self.assertEqual((code, restored["restored"]), (0, len(suspects)), errors)
        self.assertEqual(self.with_state(0), active | suspects)
        self.mend()
        self.send(status=1)
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])


class RollOut(Fleet):
    """The app moves from tokens to FIDs; each FID comes in while its token still lives."""

    def migrate(self, with_device_id):
        self.start()
        with open(self.devices, newline="") as file:
            rows = list(csv.DictReader(file))
        for number, row in enumerate(rows):
            row["device_id"] = f"installation-{number}" if with_device_id else ""
        first = self.folder / "tokens.csv"
        self.write(first, "token", rows)
        self.imported(first)
        self.send(status=1)
        self.assert_healthy()

        self.emulator_.post("/_emulator/reset")  # It looks at what each phone got, and slows down.
        living, _ = self.truth()
        moved = [row for row in rows if row["token"] in living][::6]
        for row in moved:
            row["fid"] = self.act(row["token"], "migrate")["device"]
            row["last_seen"] = "2099-01-01T00:00:00Z"
        self.moved = {row["token"] for row in moved}
        second = self.folder / "fids.csv"
        self.write(second, "fid", moved)
        self.imported(second)

    def write(self, path, kind, rows):
        names = (kind, "user", "platform", "last_seen", "device_id")
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def test_with_the_apps_own_id(self):
        self.migrate(with_device_id=True)
        self.assertTrue(self.moved <= self.with_state(2), "their FIDs have taken over")
        self.assert_no_living_device_retired()
        self.send(status=0)
        self.assert_healthy()
        self.assertEqual(self.brakes(), [])

    def test_without_it(self):
        self.migrate(with_device_id=False)
        self.assert_no_living_device_retired()
        self.send(status=1)
        self.assert_healthy()
        self.send(status=0)


if __name__ == "__main__":
    unittest.main()

"""Faults that are not the devices' own: the send stops early, says what to mend, retires nobody."""

import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import unittest

import support
from support import Case, run, run_json

# fault of the emulator -> exit status, a word of the rule that must be named
BLOCKING = {
    "project_not_found": "project.not_found",
    "api_disabled": "project.api_disabled",
    "iam": "project.iam",
    "revoked_key": "oauth.revoked_key",
    "clock_skew": "oauth.clock_skew",
    "unauthenticated": "oauth.refused",
    "html_404": "project.wrong_url",
}


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Faults(Case):
    def send(self, emulator, devices, *options, extra=()):
        self.store = self.folder / "fleet.db"
        return run_json(
            "--store", self.store, *emulator.send_options(), *extra, "send", "--title", "t",
            "--to", devices, "--ramp", 0, *options,
        )  # fmt: skip

    def assert_nobody_retired(self, states=("active",)):
        found = {line["state"] for line in self.states(self.store).values()}
        self.assertLessEqual(found, set(states))

    def test_a_blocked_project_holds_everything(self):
        for fault, rule in BLOCKING.items():
            with self.subTest(fault):
                case = Faults("test_a_blocked_project_holds_everything")
                case.setUp()
                try:
                    emulator, devices = case.generated(3_000)
                    emulator.fault(fault=fault)
                    status, summary, errors = case.send(emulator, devices)
                    self.assertEqual(status, 3, errors)
                    self.assertEqual(summary["held"], 3_000)
                    self.assertEqual(summary["blocked"][0]["rule"], rule)
                    self.assertTrue(summary["blocked"][0]["remedy"])
                    self.assertLessEqual(emulator.stats()["requests"], 500)
                    case.assert_nobody_retired()

                finally:
                    case.doCleanups()

    def test_a_wrong_project_id(self):
        emulator, devices = self.generated(3_000)
        status, summary, errors = self.send(emulator, devices, extra=("--project", "not-mine"))
        self.assertEqual(status, 3, errors)
        self.assertLessEqual(emulator.stats()["requests"], 500)
        self.assert_nobody_retired()

    def test_what_was_held_goes_on_with_resume_when_the_fault_is_mended(self):
        emulator, devices = self.generated(3_000)
        emulator.fault(fault="iam")
        self.assertEqual(self.send(emulator, devices)[0], 3)
        emulator.fault(fault="none")
        status, summary, errors = self.send(emulator, devices, "--resume")
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["accepted"] + summary["retired"], 3_000)

    def test_only_a_send_that_is_kept_is_said_to_be_resumable(self):
        emulator, devices = self.generated(50)
        emulator.fault(fault="iam")
        send = (*emulator.send_options(), "send", "--title", "t")
        for kept, command in (
            (True, ("--store", self.folder / "fleet.db", *send, "--to", devices)),
            (False, (*send, "--to", devices)),
            (False, (*send, "--token", support.TOKEN)),
        ):
            done = run(*command, cwd=self.folder)
            self.assertEqual(done.returncode, 3, done)
            self.assertEqual("and --resume" in done.stdout, kept, done.stdout)
            self.assertEqual("can't be resumed" in done.stdout, not kept, done.stdout)

    def test_a_broken_apns_key_holds_ios_only(self):
        emulator, devices = self.generated(3_000)
        emulator.fault(fault="apns_broken")
        status, summary, errors = self.send(emulator, devices)
        self.assertEqual(status, 3, errors)
        self.assertGreater(summary["held"], 0)
        self.assertEqual(summary["blocked"][0]["scope"], "platform ios")
        states = self.states(self.store)
        for token, row in emulator.devices().items():
            if row["health"] == "living":
                self.assertEqual(states[token]["state"], "active", token)

    def test_an_invalid_message_fails_for_everyone(self):
        emulator, devices = self.generated(3_000)
        emulator.fault(fault="payload_invalid")
        status, summary, errors = self.send(emulator, devices)
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["failed"], 3_000)
        self.assertEqual(summary["message_fault"]["field"], "message.webpush.headers.TTL")
        self.assertLessEqual(emulator.stats()["requests"], 500)
        self.assert_nobody_retired()

    def test_a_message_that_fcm_refuses_is_not_sent_unless_told_to(self):
        emulator, devices = self.generated(3_000)
        bad = ("--data", "from=x")
        status, checked, errors = self.send(emulator, devices, *bad)
        self.assertEqual((status, checked["accepted"]), (1, 0), errors)
        self.assertEqual(checked["message_fault"]["rule"], "check.data_reserved_key")
        self.assertEqual(emulator.stats()["requests"], 0)
        status, summary, errors = self.send(emulator, devices, *bad, "--no-check")
        self.assertEqual((status, summary["failed"]), (1, 3_000), errors)
        self.assertEqual(summary["by_rule"].get("message.data_key"), 3_000)
        self.assert_nobody_retired()

    def test_an_outage_that_answers_404_to_half_of_all_pulls_the_brake(self):
        emulator, devices = self.generated(3_000)
        emulator.fault(fault="outage_404", outage_share=0.5)
        status, summary, errors = self.send(emulator, devices)
        self.assertEqual(status, 1, errors)
        self.assertEqual(summary["brake"], "token.unregistered")
        for token, line in self.states(self.store).items():
            self.assertNotEqual((line["state"], line["rule"]), ("retired", "token.unregistered"))
        done = run("--store", self.store, "devices", "brake", "release")
        self.assertEqual(done.returncode, 0, done.stderr)


class OutsideTrouble(Case):
    """What stands in the way outside of FCM: a clear message, exit status 2 or 3, nothing lost."""

    def assert_says(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr + done.stdout)

    def send(self, *options, before=()):
        return run(*before, "send", "--title", "t", *options, cwd=self.folder)

    def test_a_missing_file(self):
        self.assert_says(
            self.send("--to", "none.csv", before=("--endpoint", "http://127.0.0.1:1")), 2, "none.csv"
        )

    def test_a_bad_key_file(self):
        key = self.folder / "key.json"
        key.write_text('{"type": "service_account"}')
        done = self.send("--token", "x", before=("--credentials", key))
        self.assertIn(done.returncode, (2, 3))
        self.assertIn("key.json", done.stderr)

    def test_an_unreachable_host(self):
        done = self.send(
            "--token", support.TOKEN, "--max-attempts", "2", "--deadline", "5s",
            before=("--endpoint", "http://127.0.0.1:1", "--project", "p"),
        )  # fmt: skip
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("127.0.0.1:1", done.stdout + done.stderr)

    def test_an_untrusted_certificate(self):
        emulator = self.emulator()
        done = self.send(
            "--token", support.TOKEN,
            before=("--endpoint", emulator.secure, "--credentials",
                    emulator.ready["credentials_file"]),
        )  # fmt: skip
        self.assert_says(done, 3, "certificate", "--ca-file")

    def test_a_locked_store(self):
        import sqlite3

        emulator, devices = self.generated(10)
        store = self.folder / "s.db"
        self.assertEqual(run("--store", store, "devices", "import", devices).returncode, 0)
        other = sqlite3.connect(store, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        done = run("--store", store, "devices", "import", devices)
        self.assert_says(done, 2, str(store))

    def test_an_expired_certificate(self):
        key, certificate = self.folder / "key.pem", self.folder / "expired.pem"
        request, config = self.folder / "request.pem", self.folder / "ca.cnf"
        (self.folder / "index.txt").touch()
        config.write_text(
            "[ca]\ndefault_ca=this\n[this]\n"
            f"database={self.folder}/index.txt\nnew_certs_dir={self.folder}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n"
            "[names]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:TRUE\n"
        )
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
                "-subj", "/CN=127.0.0.1")  # fmt: skip
        openssl("ca", "-batch", "-notext", "-selfsign", "-config", config, "-keyfile", key,
                "-in", request, "-out", certificate,
                "-startdate", "20200101000000Z", "-enddate", "20210101000000Z")  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def refuse_all():
            while True:
                try:
                    context.wrap_socket(listener.accept()[0], server_side=True).close()
                except ssl.SSLError:
                    pass  # The client does not like the certificate.
                except OSError:
                    return  # The test is over.

        threading.Thread(target=refuse_all, daemon=True).start()
        emulator = self.emulator()
        anchors = self.folder / "anchors.pem"
        anchors.write_text(
            certificate.read_text() + pathlib.Path(emulator.ready["ca_file"]).read_text()
        )
        done = self.send(
            "--token", support.TOKEN,
            before=("--endpoint", f"https://127.0.0.1:{listener.getsockname()[1]}",
                    "--ca-file", anchors,
                    "--credentials", emulator.ready["credentials_file"]),
        )  # fmt: skip
        self.assert_says(done, 3, "certificate", "expired")

    def test_a_read_only_store(self):
        emulator, devices = self.generated(10)
        store = self.folder / "ro" / "s.db"
        store.parent.mkdir()
        self.assertEqual(run("--store", store, "devices", "import", devices).returncode, 0)
        before = sorted(path.read_bytes() for path in store.parent.iterdir())
        for path in (store, store.parent):
            path.chmod(path.stat().st_mode & ~0o222)
        self.addCleanup(store.parent.chmod, 0o755)
        command = (support.FANFARE, "--store", store, "devices", "import", devices)
        if os.geteuid() == 0:  # Nothing is read-only to root.
            self.folder.chmod(0o755)
            devices.chmod(0o644)
            command = ("setpriv", "--reuid=65534", "--clear-groups", *command)
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        self.assert_says(done, 2, str(store), "write")
        self.assertEqual(before, sorted(path.read_bytes() for path in store.parent.iterdir()))

    def test_a_full_disk(self):
        emulator, devices = self.generated(20_000)
        disk = self.folder / "disk"
        disk.mkdir()
        # A disk of its own, in a namespace of its own. What is stored before it is full stays.
        script = (
            f"mount -t tmpfs -o size=2m none {disk} && cd {disk} && "
            f"head -101 {devices} | {support.FANFARE} --store s.db devices import - && "
            f"{{ {support.FANFARE} --store s.db devices import {devices}; echo status $?; "
            f"{support.FANFARE} --json --store s.db devices stats; }}"
        )
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            capture_output=True, text=True, env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        if "unshare" in done.stderr or "mount:" in done.stderr:
            self.skipTest(f"no disk of its own can be made here: {done.stderr}")
        self.assertIn("status 2", done.stdout, done.stderr)
        self.assertIn("full", done.stderr)
        stats = json.loads(done.stdout.splitlines()[-1])
        self.assertGreaterEqual(stats["total"], 100)

    def test_a_bad_line_is_named_and_skipped(self):
        emulator = self.emulator()
        devices = self.folder / "d.csv"
        devices.write_text(f"token,last_seen\n{support.TOKEN},\n{support.TOKEN}y,yesterday\n")
        done = self.send("--to", devices, before=emulator.send_options())
        self.assert_says(done, 0, "d.csv:3")


if __name__ == "__main__":
    unittest.main()

"""Other people's programs against ours, since two of ours could agree on the same mistake."""

import json
import shutil
import socket
import subprocess
import unittest

import support
from support import Case, missing, run_json


def call(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=60)  # fmt: skip


class EmulatorForOthers(Case):
    BODY = json.dumps({"message": {"token": support.TOKEN, "notification": {"title": "t"}}})

    def path(self, emulator):
        return f"/v1/projects/{emulator.ready['project']}/messages:send"

    @unittest.skipIf(missing("curl"), missing("curl"))
    def test_curl_in_each_version_of_http(self):
        emulator = self.emulator(tls=False)
        for version in ("--http1.1", "--http2", "--http2-prior-knowledge"):
            done = call("curl", "-sS", version, "-H", "Content-Type: application/json", "-d",
                        self.BODY, "-w", "\n%{http_code}",
                        emulator.plain + self.path(emulator))  # fmt: skip
            body, code = done.stdout.rsplit("\n", 1)
            self.assertEqual(code, "200", done)
            self.assertIn("/messages/", json.loads(body)["name"])

    @unittest.skipIf(missing("curl"), missing("curl"))
    def test_curl_over_tls_without_a_token_is_unauthenticated(self):
        emulator = self.emulator()
        done = call("curl", "-sS", "--http2", "--cacert", emulator.ready["ca_file"], "-d",
                    self.BODY, emulator.secure + self.path(emulator))  # fmt: skip
        self.assertEqual(json.loads(done.stdout)["error"]["status"], "UNAUTHENTICATED")

    @unittest.skipIf(missing("nghttp", "h2load"), missing("nghttp", "h2load"))
    def test_nghttp_and_h2load(self):
        emulator = self.emulator(tls=False)
        body = self.folder / "body.json"
        body.write_text(self.BODY)
        url = emulator.plain + self.path(emulator)
        done = call("nghttp", "-d", body, url)
        self.assertIn("/messages/", done.stdout)
        done = call("h2load", "-n", 5000, "-c", 4, "-m", 100, "-d", body, url)
        self.assertIn("5000 succeeded, 0 failed, 0 errored", done.stdout)


class OthersForSend(Case):
    def free_port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    @unittest.skipIf(missing("nghttpx"), missing("nghttpx"))
    def test_through_nghttpx(self):
        emulator = self.emulator(tls=False)
        port = self.free_port()
        proxy = subprocess.Popen(
            [shutil.which("nghttpx"), f"-f127.0.0.1,{port};no-tls",
             f"-b127.0.0.1,{emulator.port};;proto=h2", "--workers=1", "--errorlog-file=/dev/null"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.terminate)
        devices = self.folder / "d.txt"
        devices.write_text("".join(f"{support.TOKEN}{i}\n" for i in range(500)))
        status, summary, errors = run_json(
            "--endpoint", f"http://127.0.0.1:{port}", "--project", "p", "send", "--title", "t",
            "--to", devices, "--ramp", 0,
        )  # fmt: skip
        self.assertEqual((status, summary["accepted"]), (0, 500), errors)

    @unittest.skipIf(missing("nghttpd"), missing("nghttpd"))
    def test_nghttpd_which_knows_no_fcm_blocks_the_project(self):
        port = self.free_port()
        server = subprocess.Popen(
            [shutil.which("nghttpd"), "--no-tls", "--address=127.0.0.1", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        status, summary, errors = run_json(
            "--endpoint", f"http://127.0.0.1:{port}", "--project", "p", "send", "--title", "t",
            "--token", support.TOKEN,
        )  # fmt: skip
        self.assertEqual((status, summary["blocked"][0]["verdict"]), (3, "project_blocked"), errors)


class Memory(Case):
    @unittest.skipUnless(support.os.environ.get("FANFARE_HEAVY"), "heavy: set FANFARE_HEAVY=1")
    def test_a_million_devices_take_no_more_memory_than_ten_thousand(self):
        peaks = {}
        for count in (10_000, 1_000_000):
            emulator, devices = self.generated(count)
            status, output, peaks[count] = support.peak_memory_of_child(
                "--json", "--store", self.folder / f"{count}.db", *emulator.send_options(), "send",
                "--title", "t", "--to", devices, "--ramp", 0, "--rate", 0,
            )  # fmt: skip
            self.assertEqual(status, 1, output)
            emulator.stop()
        self.assertLess(peaks[1_000_000] - peaks[10_000], 20 * 1024, peaks)


if __name__ == "__main__":
    unittest.main()

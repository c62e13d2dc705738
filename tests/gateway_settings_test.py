"""The gateway's port and settings as an operator sees them: TLS, client certificates, SIGHUP."""

import signal
import subprocess
import unittest

from support import Case, TOKEN


class Port(Case):
    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator(tls=False)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem",
                     "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")  # fmt: skip
        self.issue("server", "subjectAltName=IP:127.0.0.1")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

    def issue(self, name, extensions="extendedKeyUsage=clientAuth"):
        (self.folder / f"{name}.ext").write_text(extensions)
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}-key.pem",
                     "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
                     "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                     "-out", f"{name}.pem")  # fmt: skip

    def serve(self, **settings):
        environment = {f"FANFARE_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
        return self.gateway(self.emulator_, environment=environment)

    def server_files(self):
        return {"tls_certificate": self.folder / "server.pem", "tls_key": self.folder / "server-key.pem"}

    def curl(self, gateway, *options, scheme="https"):
        """(exit status, body)."""
        port = gateway.ready["port"]
        done = subprocess.run(
            ["curl", "-sS", "--cacert", "ca.pem", *options, f"{scheme}://127.0.0.1:{port}/readyz"],
            capture_output=True, text=True, cwd=self.folder, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout

    def test_on_this_machine_tls_and_plaintext_share_the_port(self):
        gateway = self.serve(**self.server_files())
        self.assertEqual(self.curl(gateway), (0, "ok\n"))
        self.assertEqual(self.curl(gateway, "--http1.1"), (0, "ok\n"))
        self.assertEqual(self.curl(gateway, scheme="http"), (0, "ok\n"))

    def test_where_tls_is_required_plaintext_is_told_so(self):
        gateway = self.serve(**self.server_files(), require_tls="true")
        self.assertEqual(self.curl(gateway), (0, "ok\n"))
        self.assertIn("TLS only", self.curl(gateway, scheme="http")[1])
        self.assertNotEqual(self.curl(gateway, "--http2-prior-knowledge", scheme="http")[0], 0)

    def test_only_clients_with_a_certificate_of_ours_are_let_in(self):
        self.issue("client")
        gateway = self.serve(**self.server_files(), tls_client_ca=self.folder / "ca.pem")
        ours = ("--cert", "client.pem", "--key", "client-key.pem")
        for version in ("--tlsv1.3", "--tls-max=1.2"):
            options = version.split("=")
            self.assertEqual(self.curl(gateway, *ours, *options), (0, "ok\n"))
            self.assertNotEqual(self.curl(gateway, *options)[0], 0)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other-key.pem",
                     "-out", "other.pem", "-days", "2", "-subj", "/CN=client")  # fmt: skip
        self.assertNotEqual(self.curl(gateway, "--cert", "other.pem", "--key", "other-key.pem")[0], 0)
        self.assertIn("TLS only", self.curl(gateway, scheme="http")[1])
        self.assertEqual(self.curl(gateway, *ours), (0, "ok\n"))

    def test_a_renewed_certificate_is_taken_with_sighup(self):
        gateway = self.serve(**self.server_files())

        def served():
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.ready['port']}"],
                input="", capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            return done.stdout.partition("-----BEGIN CERTIFICATE-----")[2][:200]

        first = served()
        self.assertTrue(first)
        self.issue("server", "subjectAltName=IP:127.0.0.1")
        self.assertEqual(served(), first)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: served() != first)
        self.assertEqual(self.curl(gateway), (0, "ok\n"))


class Reload(Case):
    """Projects come, change and go with SIGHUP, and no message is lost on the way."""

    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator(tls=False)
        self.config = self.folder / "gateway.toml"

    def write(self, **projects):
        self.config.write_text("".join(
            f'[[project]]\nid = "{name}"\nmessages_per_minute = {pace}\nramp = "0s"\n'
            for name, pace in projects.items()
        ))  # fmt: skip

    def serve(self):
        return self.gateway(self.emulator_, environment={"FANFARE_CONFIG": str(self.config)}, log=self.log())

    def log(self):
        log = open(self.folder / "log", "w")
        self.addCleanup(log.close)
        return log

    def projects(self, gateway):
        answer = gateway.call("GET", "/v1/projects")[1]
        return {each["id"]: each["messages_per_minute"] for each in answer["projects"]}

    def reload(self, gateway, wanted):
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: self.projects(gateway) == wanted)

    def test_projects_come_change_and_go(self):
        self.write(demo=600_000, second=600_000)
        gateway = self.serve()
        self.assertEqual(self.projects(gateway), {"demo": 600_000, "second": 600_000})
        self.write(demo=60, third=100)
        self.reload(gateway, {"demo": 60, "third": 100})
        self.assertEqual(gateway.call("POST", "/v1/projects/second/messages", self.message())[0], 404)
        self.assertEqual(gateway.call("POST", "/v1/projects/third/messages", self.message())[0], 202)

    def test_what_waits_goes_on_at_the_new_pace(self):
        self.write(demo=60)
        gateway = self.serve()
        self.assertEqual(gateway.call("POST", "messages", self.message(count=2_000))[0], 202)
        gateway.until(lambda: gateway.books()["delivered"] > 0)
        self.write(demo=600_000)
        self.reload(gateway, {"demo": 600_000})
        books = gateway.settled()
        self.assertEqual((books["delivered"], books["balance"]), (2_000, True))
        self.assertEqual(self.emulator_.stats()["accepted"], 2_000)

    def test_a_file_with_a_fault_changes_nothing(self):
        self.write(demo=60)
        gateway = self.serve()
        self.config.write_text("[[project]]\nid = \"demo\"\nmessages_per_minute = \"fast\"\n")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: "gateway.toml:3" in (self.folder / "log").read_text())
        self.assertEqual(self.projects(gateway), {"demo": 60})
        self.assertEqual(gateway.call("POST", "messages", self.message())[0], 202)

    @staticmethod
    def message(count=1):
        return {"message": {"data": {"a": "b"}}, "to": [{"token": f"{TOKEN}{i}"} for i in range(count)]}


if __name__ == "__main__":
    unittest.main()

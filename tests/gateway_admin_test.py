"""Google's own SDK for Node, as it is published, sends through the gateway as if it were FCM."""

import json
import subprocess
import unittest

import npm
import support
from support import Case, TOKEN, missing


def setUpModule():
    if reason := npm.why_not("firebase-admin/messaging") or missing("openssl"):
        npm.skip_module("firebase-admin through the gateway", reason)


class Through(Case):
    def certificate(self):
        """One for fcm.googleapis.com, by an authority that only this test trusts."""
        script = """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=ca
            openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=fcm
            printf 'subjectAltName=DNS:fcm.googleapis.com' > names
            openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 \
                -extfile names -out certificate.pem
        """
        subprocess.run(["sh", "-ec", script], cwd=self.folder, check=True, capture_output=True)

    def test_it_gets_what_it_gets_from_fcm(self):
        self.certificate()
        emulator, devices = self.generated(300, tls=False)
        rows = emulator.devices()
        dead = next(token for token, row in rows.items() if row["health"] == "unregistered")
        living = next(token for token, row in rows.items() if row["health"] == "living")
        done = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "node",
                           "--scope", "send")  # fmt: skip
        gateway = self.gateway(emulator, environment={
            "FANFARE_SERVE_REQUIRE_KEYS": "true",
            "FANFARE_SERVE_TLS_CERTIFICATE": str(self.folder / "certificate.pem"),
            "FANFARE_SERVE_TLS_KEY": str(self.folder / "key.pem"),
        })  # fmt: skip
        node = subprocess.run(
            ["node", npm.HERE / "gateway_admin_driver.js"], capture_output=True, text=True, timeout=60,
            env={**support.CLEAN_ENVIRONMENT, "NODE_PATH": str(npm.MODULES),
                 "NODE_EXTRA_CA_CERTS": str(self.folder / "ca.pem"), "TOKEN": living, "DEAD": dead,
                 "GATEWAY_PORT": str(gateway.ready["port"]), "GATEWAY_KEY": done.stdout.strip()},
        )  # fmt: skip
        self.assertEqual(node.returncode, 0, node.stderr)
        results = json.loads(node.stdout)
        self.assertIn("projects/demo/messages/", results["send"])
        self.assertIn("projects/demo/messages/", results["topic"])
        self.assertEqual((results["each"]["successCount"], results["each"]["failureCount"]), (1, 2))
        codes = [response.get("code") for response in results["each"]["responses"]]
        self.assertEqual(codes[:2], [None, "messaging/registration-token-not-registered"])
        status, books, _ = support.run_json("--store", self.folder / "fanfare.db", "status")
        self.assertEqual((status, books["accepted"], books["balance"]), (0, 6, True))


if __name__ == "__main__":
    unittest.main()

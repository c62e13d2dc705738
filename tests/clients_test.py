"""Senders in other languages against the emulator, each as it is published and each with nothing
but `. DIR/env.sh` before it: they find it under Google's names, trust it, and learn what FCM would
tell them. A language that is not installed here is skipped, loudly.

The folder's name holds what each of their settings has to quote in its own way.
"""

import json
import pathlib
import subprocess
import unittest

import npm
import support
from support import Case, missing, python_with

CLIENTS = npm.HERE / "clients"
PACKAGES = support.ROOT / "build/npm-clients"
MODULES = PACKAGES / "node_modules"
JARS = pathlib.Path("/usr/share/java")
GO_LIBRARIES = pathlib.Path("/usr/share/gocode")


class Clients(Case):
    HEALTHS = ("living", "unregistered", "malformed", "wrong_sender")

    def setUp(self):
        super().setUp()
        devices = self.folder / "devices.csv"
        self.tokens = {health: f"{i}{support.TOKEN}" for i, health in enumerate(self.HEALTHS)}
        rows = [f"{token},{health}" for health, token in self.tokens.items()]
        devices.write_text("\n".join(["token,health", *rows, ""]))
        folder = self.folder / "it's a \"tls\" folder"
        self.emulator_ = self.emulator("--devices", devices, "--tls-dir", folder, tls=False)

    def client(self, *command, stdin="", seconds=120, **environment):
        """What a program prints that a user's shell starts after env.sh."""
        done = subprocess.run(
            [str(part) for part in command],
            input=stdin, env={**self.emulator_.settings(), **environment},
            capture_output=True, text=True, timeout=seconds, cwd=self.folder,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def accepted(self):
        """Health -> how many messages the device of that health was sent."""
        devices = self.emulator_.devices()
        return {health: int(devices[token]["accepted"]) for health, token in self.tokens.items()}


class Shell(Clients):
    def test_fanfare_itself(self):
        output = self.client(
            support.FANFARE, "send", "--token", self.tokens["living"], "--title", "Hello"
        )
        self.assertEqual(self.accepted()["living"], 1, output)

    def test_a_host_that_is_not_googles_is_refused(self):
        if reason := missing("curl"):
            npm.skip_module("against curl", reason)
        code = self.client("sh", "-c", "curl -s -w %{http_connect} https://example.org || true")
        self.assertEqual(code, "403")


class Node(Clients):
    def test_every_way_of_nodes_to_a_host(self):
        if reason := missing("node"):
            npm.skip_module("against node", reason)
        answers = json.loads(self.client("node", CLIENTS / "fetch_driver.mjs"))
        self.assertEqual(answers, {"fetch": 404, "https": 404, "http2": 404, "tls": True})

    def test_options_that_were_there_before_stay(self):
        if reason := missing("node"):
            npm.skip_module("against node", reason)
        folder = pathlib.Path(self.emulator_.ready["ca_file"]).parent
        script = "export NODE_OPTIONS=--title=mine; . \"$1\"; node -p process.title"
        self.assertEqual(self.client("sh", "-euc", script, "sh", folder / "env.sh"), "mine\n")


class NodePackages(Clients):
    @classmethod
    def setUpClass(cls):
        for package in ("fcm-v1-http2", "@googleapis/fcm"):
            if reason := npm.why_not(package, CLIENTS, PACKAGES):
                npm.skip_module(f"against {package}", reason)

    def node(self, driver, told):
        script = f"node '{CLIENTS / driver}' 3>&1 >&2"
        return json.loads(
            self.client("sh", "-c", script, stdin=json.dumps(told), NODE_PATH=str(MODULES))
        )

    def multicast(self, *healths):
        tokens = [self.tokens[health] for health in healths]
        message = {"notification": {"title": "Hello"}}
        return self.node("fcm_v1_http2_driver.js", {"message": message, "tokens": tokens})

    def test_fcm_v1_http2_lists_the_dead(self):
        result = self.multicast("living", "unregistered", "malformed")
        dead = {self.tokens["unregistered"], self.tokens["malformed"]}
        self.assertEqual(set(result["unregistered"]), dead)
        self.assertEqual(self.accepted()["living"], 1)

    def test_fcm_v1_http2_sends_to_hundreds(self):
        tokens = [f"{i:03}{support.TOKEN}" for i in range(400)]
        devices = self.folder / "many.csv"
        devices.write_text("\n".join(["token,health", *(f"{t},living" for t in tokens), ""]))
        self.emulator_ = self.emulator("--devices", devices, "--tls-dir", self.folder / "many",
                                       tls=False)  # fmt: skip
        told = {"message": {"data": {"n": "1"}}, "tokens": tokens}
        self.assertEqual(self.node("fcm_v1_http2_driver.js", told), {"unregistered": []})
        stats = self.emulator_.stats()
        self.assertEqual((stats["accepted"], stats["duplicates"]), (400, 0))

    def test_fcm_v1_http2_gives_up_on_other_errors(self):
        error = self.multicast("living", "wrong_sender")["error"]
        self.assertEqual((error["code"], error["status"]), (403, "PERMISSION_DENIED"))
        self.emulator_.fault(fault="quota_429")
        error = self.multicast("living")["error"]
        self.assertEqual((error["code"], error["status"]), (429, "RESOURCE_EXHAUSTED"))

    def test_fcm_v1_http2_without_an_access_token(self):
        self.emulator_.fault(fault="revoked_key")
        self.assertIn("invalid_grant", self.multicast("living")["error"]["message"])

    def test_googles_generated_client(self):
        told = [{"message": {"token": token}} for token in self.tokens.values()]
        told.append({"validateOnly": True, "message": {"topic": "news"}})
        script = f"node '{CLIENTS / 'googleapis_driver.js'}'"
        output = self.client(
            "sh", "-c", script, stdin=json.dumps(told), NODE_PATH=str(MODULES)
        )
        living, unregistered, malformed, wrong_sender, topic = json.loads(output)
        self.assertIn("projects/fanfare-demo/messages/", living["name"])
        self.assertIn("projects/fanfare-demo/messages/", topic["name"])
        self.assertEqual(unregistered, {"status": 404, "code": "UNREGISTERED"})
        self.assertEqual(malformed, {"status": 400, "code": "INVALID_ARGUMENT"})
        self.assertEqual(wrong_sender, {"status": 403, "code": "SENDER_ID_MISMATCH"})


class Python(Clients):
    SEND = "https://fcm.googleapis.com/v1/projects/fanfare-demo/messages:send"
    IID = "https://iid.googleapis.com/iid"

    @classmethod
    def setUpClass(cls):
        cls.python = python_with("requests", "google.oauth2.service_account")
        if cls.python is None:
            npm.skip_module("against google-auth and requests", "no Python here has them")

    def requests(self, *calls):
        output = self.client(self.python, CLIENTS / "requests_driver.py", stdin=json.dumps(calls))
        return json.loads(output)

    def test_sends_as_pyfcm_does(self):
        results = self.requests(
            *(("POST", self.SEND, {"message": {"token": t}}) for t in self.tokens.values())
        )
        self.assertEqual([result["status"] for result in results], [200, 404, 400, 403])
        self.assertIn("name", results[0]["body"])
        self.assertEqual(self.accepted()["living"], 1)

    def test_sends_from_a_pool(self):
        (results,) = self.requests((30, self.SEND, {"message": {"token": self.tokens["living"]}}))
        self.assertEqual({result["status"] for result in results}, {200})
        self.assertEqual(self.accepted()["living"], 30)

    def test_learns_of_the_quota(self):
        self.emulator_.fault(fault="quota_429", retry_after=1)
        body = {"message": {"token": self.tokens["living"]}}
        (result,) = self.requests(("POST", self.SEND, body))
        self.assertEqual(result["status"], 429)
        self.assertEqual(result["body"]["error"]["status"], "RESOURCE_EXHAUSTED")

    def test_topics_and_information_by_the_instance_id_api(self):
        batch = {"to": "/topics/news", "registration_tokens": list(self.tokens.values())}
        token = self.tokens["living"]
        added, info, removed, after = self.requests(
            ("POST", f"{self.IID}/v1:batchAdd", batch),
            ("GET", f"{self.IID}/info/{token}?details=true", None),
            ("POST", f"{self.IID}/v1:batchRemove", {**batch, "registration_tokens": [token]}),
            ("GET", f"{self.IID}/info/{token}?details=true", None),
        )
        self.assertEqual(added["body"]["results"], [
            {}, {"error": "NOT_FOUND"}, {"error": "INVALID_ARGUMENT"},
            {"error": "PERMISSION_DENIED"},
        ])  # fmt: skip
        self.assertEqual(list(info["body"]["rel"]["topics"]), ["news"])
        self.assertEqual(removed["body"]["results"], [{}])
        self.assertNotIn("rel", after["body"])


class Java(Clients):
    def java(self, *command):
        healths = ("living", "unregistered", "wrong_sender")
        tokens = [self.tokens[health] for health in healths]
        return self.client("java", *command, *tokens).splitlines()

    def test_with_what_java_brings_along(self):
        if reason := missing("java"):
            npm.skip_module("against java", reason)
        output = self.java(CLIENTS / "Send.java")
        self.assertEqual(output, ["HTTP_2 200", "HTTP_2 404", "HTTP_2 403"])

    def test_with_googles_auth_library(self):
        jar = JARS / "google-auth-library-oauth2-http.jar"
        absent = None if jar.exists() else "not installed: libgoogle-auth-java"
        if reason := missing("java") or absent:
            npm.skip_module("against google-auth-library-java", reason)
        output = self.java("-cp", JARS / "*", CLIENTS / "GoogleAuth.java")
        self.assertEqual(output, ["200", "404", "403"])

    def test_the_trust_store_is_one_to_keytool(self):
        if reason := missing("keytool"):
            npm.skip_module("against keytool", reason)
        store = pathlib.Path(self.emulator_.ready["ca_file"]).parent / "truststore.p12"
        for password in (["-storepass", "changeit"], []):  # It asks, and takes a line's end.
            listing = self.client("keytool", "-list", "-keystore", store, *password, stdin="\n")
            self.assertRegex(listing, r"fanfare-emulator, .*, trustedCertEntry")


class Php(Clients):
    def test_curl_and_guzzle(self):
        if reason := missing("php"):
            npm.skip_module("against php", reason)
        output = self.client("php", CLIENTS / "send.php")
        answers = dict(line.split() for line in output.splitlines())
        self.assertEqual(set(answers.values()), {"401"}, answers)
        if "guzzle" not in answers:
            npm.skip_module("against Guzzle", "not installed: php-guzzlehttp-guzzle")


class Go(Clients):
    def test_googles_oauth2_library(self):
        if reason := missing("go"):
            npm.skip_module("against go", reason)
        if not (GO_LIBRARIES / "src/golang.org/x/oauth2/google").exists():
            absent = "golang-golang-x-oauth2-google-dev"
            npm.skip_module("against oauth2 for go", f"not installed: {absent}")
        output = self.client(
            "go", "run", CLIENTS / "send.go", self.tokens["living"], self.tokens["unregistered"],
            GOPATH=str(GO_LIBRARIES), GO111MODULE="off", GOFLAGS="",
            GOCACHE=str(support.ROOT / "build/go-cache"), seconds=600,
        )  # fmt: skip
        self.assertEqual(output.splitlines(), ["HTTP/2.0 200", "HTTP/2.0 404"])


if __name__ == "__main__":
    unittest.main()

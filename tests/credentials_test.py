"""Every kind of credentials through the built command: a message arrives, or it is said why not.

Where the emulator plays no part of Google's (a workload's own token service, refusals that depend
on a cloud's settings), a server in this process does; access tokens always come from the emulator.
"""

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import stat
import subprocess
import threading
import unittest
import urllib.parse
import urllib.request

import support
from support import Case, missing, run_json

ALLOW = {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
PLAIN_JSON = {"Content-Type": "application/json"}


class Requests(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append((self.path, dict(self.headers), body))
        status, headers, text = self.server.routes[self.path.split("?")[0]](self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        with contextlib.suppress(ConnectionError):  # Who asked may have left by now.
            self.end_headers()
            self.wfile.write(text.encode())

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Peer:
    """A server of HTTP/1.1 in this process, `routes[path](headers, body)` giving (status, headers,
    text)."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self.server.routes, self.server.asked = {}, []
        self.asked = self.server.asked
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def on(self, path, answer):
        """`answer`: a function, or (status, object or text); gives the URL."""
        self.server.routes[path] = answer if callable(answer) else self.fixed(*answer)
        return f"http://{self.host}{path}"

    @staticmethod
    def fixed(status, body):
        text = body if isinstance(body, str) else json.dumps(body)
        return lambda *_: (status, PLAIN_JSON, text)

    def paths(self):
        return [path for path, _, _ in self.asked]

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Credentials(Case):
    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator()
        self.tls = self.folder / "tls"
        self.home = self.folder / "home"
        self.home.mkdir()
        # No machine's own login may answer for a test, nor a cloud's metadata server.
        self.environment = {
            "HOME": str(self.home),
            "CLOUDSDK_CONFIG": str(self.home),
            "GCE_METADATA_HOST": "127.0.0.1:1",
        }

    def peer(self):
        peer = Peer()
        self.addCleanup(peer.stop)
        return peer

    def example(self, name):
        return json.loads((self.tls / name).read_text())

    def write(self, content, name="own.json"):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return path

    def options(self, credentials, project=True):
        named = ("--credentials", credentials) if credentials else ()
        return (
            "--endpoint", self.emulator_.secure, "--ca-file", self.emulator_.ready["ca_file"],
            *named, *(("--project", self.emulator_.ready["project"]) if project else ()),
        )  # fmt: skip

    def send(self, credentials=None, environment=None, project=True, options=()):
        """One message; (status, everything that was said), in which no secret may be."""
        done = support.run(
            "--json", *self.options(credentials, project), "send", "--title", "t", "--token",
            support.TOKEN, *options, environment={**self.environment, **(environment or {})},
        )  # fmt: skip
        self.assert_no_secret(done.stdout + done.stderr)
        return done.returncode, done.stdout + done.stderr

    def assert_no_secret(self, said):
        user = self.example("authorized_user.json")
        key = self.example("credentials.json")["private_key"]
        for secret in (
            user["client_secret"], user["refresh_token"], key.splitlines()[1],
            (self.tls / "subject_token.txt").read_text().strip(), "PRIVATE KEY", "ya29.",
        ):  # fmt: skip
            self.assertNotIn(secret, said)

    def assert_sends(self, *given, **options):
        before = self.emulator_.stats()["accepted"]
        status, said = self.send(*given, **options)
        self.assertEqual(status, 0, said)
        self.assertEqual(self.emulator_.stats()["accepted"], before + 1)

    def external(self, source, **changes):
        file = {**self.example("external_account.json"), "credential_source": source, **changes}
        return {name: value for name, value in file.items() if value is not None}

    def program(self, output, status=0):
        """A file that prints `output`, and leaves its environment beside it."""
        tool = self.folder / "a tool.sh"
        answer = self.write(output, "answer.json")
        tool.write_text(f"#!/bin/sh\nenv > '{self.folder}/seen'\ncat '{answer}'\nexit {status}\n")
        tool.chmod(0o700)
        return {"executable": {"command": f'"{tool}" --one', "timeout_millis": 5000}}

    def emulators_token(self, *_):
        """An access token that the emulator takes, as an answer."""
        user = self.example("authorized_user.json")
        form = {"grant_type": "refresh_token"} | {
            name: user[name] for name in ("client_id", "client_secret", "refresh_token")
        }
        request = urllib.request.Request(
            self.emulator_.plain + "/token", data=urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return 200, PLAIN_JSON, answer.read().decode()


class Kinds(Credentials):
    def test_those_that_the_emulator_makes(self):
        for name in (
            "credentials.json", "authorized_user.json", "impersonated.json", "external_account.json"
        ):  # fmt: skip
            with self.subTest(name):
                self.assert_sends(self.tls / name)

    def test_a_service_account_names_its_project(self):
        self.assert_sends(self.tls / "credentials.json", project=False)

    def test_what_names_no_project_takes_the_environments(self):
        project = self.emulator_.ready["project"]
        self.assert_sends(self.tls / "authorized_user.json",
                          environment={"GOOGLE_CLOUD_PROJECT": project}, project=False)  # fmt: skip
        status, said = self.send(self.tls / "authorized_user.json", project=False)
        self.assertEqual(status, 2, said)
        self.assertIn("the project is not known", said)

    def test_a_subject_token_from_a_url(self):
        peer, subject = self.peer(), (self.tls / "subject_token.txt").read_text()
        text = peer.on("/text", lambda headers, _: (200, {}, subject))
        field = peer.on("/json", (200, {"access": {"x": 1}, "value": subject}))
        self.assert_sends(self.write(self.external({"url": text, "headers": {"X-Key": "k e y"}})))
        self.assertEqual(peer.asked[0][1]["x-key"], "k e y")
        self.assert_sends(self.write(self.external(
            {"url": field, "format": {"type": "json", "subject_token_field_name": "value"}}
        )))  # fmt: skip
        self.assertEqual(peer.paths(), ["/text", "/json"])

    def test_a_subject_token_from_a_program(self):
        subject = (self.tls / "subject_token.txt").read_text()
        answer = {"version": 1, "success": True, "token_type": ID_TOKEN, "id_token": subject}
        file = self.write(self.external(self.program(answer)))
        self.assert_sends(file, ALLOW)
        seen = dict(line.split("=", 1) for line in (self.folder / "seen").read_text().splitlines())
        self.assertEqual(seen["GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE"],
                         self.example("external_account.json")["audience"])  # fmt: skip
        self.assertEqual(seen["GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE"], "0")

    def test_a_workload_that_impersonates_a_service_account(self):
        url = self.example("impersonated.json")["service_account_impersonation_url"]
        source = self.example("external_account.json")["credential_source"]
        self.assert_sends(self.write(self.external(source, service_account_impersonation_url=url)))

    def test_a_workforce_login(self):
        peer, user = self.peer(), self.example("authorized_user.json")
        url = peer.on("/v1/oauthtoken", self.emulators_token)
        self.assert_sends(self.write({
            "type": "external_account_authorized_user", "client_id": "who", "token_url": url,
            "client_secret": "GOCSPX-other", "refresh_token": "1//other",
            "audience": self.example("external_account.json")["audience"],
            "quota_project_id": user["quota_project_id"],
        }))  # fmt: skip
        ((_, headers, body),) = peer.asked
        self.assertEqual(headers["authorization"],
                         "Basic " + base64.b64encode(b"who:GOCSPX-other").decode())  # fmt: skip
        form = {"grant_type": ["refresh_token"], "refresh_token": ["1//other"]}
        self.assertEqual(urllib.parse.parse_qs(body), form)

    def test_the_metadata_server_of_the_machine(self):
        host = {"GCE_METADATA_HOST": f"127.0.0.1:{self.emulator_.port}"}
        self.assert_sends(environment=host, project=False)


class Order(Credentials):
    """Each place is filled behind one that is worse, so that what is used shows."""

    def test_the_first_of_googles_places_is_used(self):
        good = self.tls / "credentials.json"
        bad = self.write("not JSON", "bad.json")
        gcloud, home = self.folder / "gcloud", self.home / ".config/gcloud"
        for place in (gcloud, home):
            place.mkdir(parents=True)
        metadata = {"GCE_METADATA_HOST": f"127.0.0.1:{self.emulator_.port}"}
        well_known = "application_default_credentials.json"

        shutil.copy(good, gcloud / well_known)
        shutil.copy(bad, home / well_known)
        named = {"GOOGLE_APPLICATION_CREDENTIALS": str(bad), "CLOUDSDK_CONFIG": str(gcloud)}
        self.assert_sends(good, environment=named)  # --credentials

        status, said = self.send(environment=named)
        self.assertEqual(status, 2, said)
        self.assertIn(str(bad), said)
        missing_file = {**named, "GOOGLE_APPLICATION_CREDENTIALS": str(self.folder / "gone.json")}
        status, said = self.send(environment=missing_file)
        self.assertEqual(status, 3, said)
        self.assertIn("gone.json", said)

        del named["GOOGLE_APPLICATION_CREDENTIALS"]
        self.assert_sends(environment=named)  # CLOUDSDK_CONFIG, not HOME

        shutil.copy(good, home / well_known)
        del self.environment["CLOUDSDK_CONFIG"]
        self.assert_sends()  # HOME
        shutil.copy(bad, home / well_known)
        status, said = self.send(environment=metadata)
        self.assertIn(str(home / well_known), said)

        (home / well_known).unlink()
        self.assert_sends(environment=metadata, project=False)
        status, said = self.send()
        self.assertEqual(status, 3, said)
        for place in ("GOOGLE_APPLICATION_CREDENTIALS", well_known, "metadata"):
            self.assertIn(place, said)

    @unittest.skipIf(missing("nghttpx"), missing("nghttpx"))
    def test_the_quota_project_is_named_to_fcm(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = self.folder / "access.log"
        proxy = subprocess.Popen(
            [shutil.which("nghttpx"), f"-f127.0.0.1,{port};no-tls",
             f"-b127.0.0.1,{self.emulator_.port};;proto=h2", "--workers=1",
             "--errorlog-file=/dev/null", f"--accesslog-file={log}",
             "--accesslog-format=$http_x_goog_user_project"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.terminate)
        for environment in ({}, {"GOOGLE_CLOUD_QUOTA_PROJECT": "who-pays"}):
            done = support.run(
                "--endpoint", f"http://127.0.0.1:{port}", "--ca-file",
                self.emulator_.ready["ca_file"], "--credentials", self.tls / "authorized_user.json",
                "--project", self.emulator_.ready["project"], "send", "--title", "t", "--token",
                support.TOKEN, environment={**self.environment, **environment},
            )  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
        proxy.terminate()
        proxy.wait()
        self.assertEqual(log.read_text().split(), [
            self.example("authorized_user.json")["quota_project_id"], "who-pays",
        ])  # fmt: skip


class Replaced(Credentials):
    """Tokens that last a second, so that the file is asked for again and again."""

    def setUp(self):
        super().setUp()
        self.peer_ = self.peer()
        self.file = self.folder / "watched.json"

    def short_lived(self, *_):
        status, headers, text = self.emulators_token()
        return status, headers, json.dumps({**json.loads(text), "expires_in": 1})

    def put(self, content):
        new = self.write(content, "new.json")
        os.replace(new, self.file)

    def user(self, path):
        asked = threading.Event()

        def answer(*_):
            asked.set()
            return self.short_lived()

        url = self.peer_.on(path, answer)
        return {**self.example("authorized_user.json"), "token_uri": url}, asked

    def send_while(self, change, asked):
        devices = self.folder / "devices.txt"
        devices.write_text("".join(f"{support.TOKEN}{i}\n" for i in range(120)))
        sending = subprocess.Popen(
            [support.FANFARE, "--json", *map(str, self.options(self.file)), "send", "--title", "t",
             "--to", str(devices), "--rate", "40/s", "--ramp", "0"],
            env={**support.CLEAN_ENVIRONMENT, **self.environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(sending.stdout.close)
        self.addCleanup(sending.stderr.close)
        self.addCleanup(sending.wait)
        self.addCleanup(sending.kill)
        self.assertTrue(asked.wait(30))
        change()
        output, errors = sending.communicate(timeout=60)
        summary = json.loads(output.splitlines()[-1])
        self.assertEqual((sending.returncode, summary["accepted"]), (0, 120), errors)

    def test_a_new_file_is_used_for_the_next_token(self):
        first, asked = self.user("/first")
        second, asked_second = self.user("/second")
        self.put(first)
        self.send_while(lambda: self.put(second), asked)
        paths = self.peer_.paths()
        self.assertTrue(asked_second.is_set(), paths)
        self.assertEqual(paths, sorted(paths))  # Never the first again.

    def test_a_bad_new_file_leaves_the_earlier_at_work(self):
        first, asked = self.user("/first")
        self.put(first)
        self.send_while(lambda: self.put('{"type": "service_account"'), asked)
        self.assertGreater(len(self.peer_.paths()), 1)


class Faults(Credentials):
    """What is wrong is told apart, stops the send with status 3 and touches nothing."""

    def said(self, rule, *given, **options):
        """What is said to a person; `rule` is what is said to a program."""
        status, said = self.send(*given, **options)
        self.assertEqual(status, 3, said)
        self.assertEqual(self.emulator_.stats()["accepted"], 0)
        summary = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        self.assertEqual([hold["rule"] for hold in summary["blocked"]], [rule], said)
        return summary["blocked"][0]["text"]

    def assert_all_differ(self, texts):
        self.assertEqual(len(set(texts.values())), len(texts), json.dumps(texts, indent=1))

    def test_of_a_service_account(self):
        texts = {}
        for fault, rule, words in (
            ("clock_skew", "oauth.clock_skew", "short-lived"),
            ("revoked_key", "oauth.revoked_key", "Invalid JWT Signature"),
            ("account_gone", "oauth.wrong_account", "account not found"),
        ):
            with self.subTest(fault):
                self.emulator_.fault(fault=fault)
                texts[fault] = self.said(rule, self.tls / "credentials.json")
                self.assertIn(words, texts[fault])
        self.assert_all_differ(texts)

    def test_that_only_the_token_endpoint_knows(self):
        peer, texts = self.peer(), {}
        key, user = self.example("credentials.json"), self.example("authorized_user.json")
        for kind, code, rule in (
            (key, "invalid_scope", "oauth.configuration"),
            (key, "unauthorized_client", "oauth.configuration"),
            (user, "invalid_grant", "oauth.revoked_key"),
            (user, "invalid_rapt", "oauth.revoked_key"),
            (user, "invalid_client", "oauth.configuration"),
        ):
            with self.subTest(f"{kind['type']} {code}"):
                url = peer.on("/token", (400, {"error": code, "error_description": "As told."}))
                text = self.said(rule, self.write({**kind, "token_uri": url}))
                self.assertIn(code, text)
                texts[kind["type"] + code] = text
        url = peer.on("/token", (404, "<html>Not here</html>"))
        texts["html"] = self.said("oauth.configuration", self.write({**key, "token_uri": url}))
        self.assert_all_differ(texts)

    def test_of_the_token_exchange(self):
        peer, texts = self.peer(), {}
        source = self.example("external_account.json")["credential_source"]
        for code in ("invalid_target", "invalid_grant", "unauthorized_client", "invalid_request"):
            with self.subTest(code):
                url = peer.on("/v1/token", (400, {"error": code, "error_description": "No."}))
                file = self.write(self.external(source, token_url=url))
                texts[code] = self.said("oauth.configuration", file)
                self.assertIn(code, texts[code])
        self.assert_all_differ(texts)

    def test_of_a_subject_token_that_is_not_the_workloads(self):
        (self.folder / "stolen.txt").write_text("fanfare-subject.someone-elses-token-of-40-letters")
        file = self.write(self.external({"file": str(self.folder / "stolen.txt")}))
        text = self.said("oauth.configuration", file)
        self.assertNotIn("someone-elses", text)

    def test_of_where_the_subject_token_comes_from(self):
        peer, gone = self.peer(), self.folder / "gone.txt"
        refused = peer.on("/refused", (403, "no"))
        empty = peer.on("/empty", (200, "\n"))
        odd = peer.on("/odd", (200, {"other": "x"}))
        json_format = {"type": "json", "subject_token_field_name": "value"}
        failure = {"version": 1, "success": False, "code": "7", "message": "no such user"}
        texts = {}
        for name, source in (
            ("gone", {"file": str(gone)}),
            ("refused", {"url": refused}),
            ("empty", {"url": empty}),
            ("odd", {"url": odd, "format": json_format}),
            ("no program", {"executable": {"command": "/nowhere/tool"}}),
        ):
            with self.subTest(name):
                file = self.write(self.external(source))
                texts[name] = self.said("oauth.configuration", file, ALLOW)
        for name, output, status in (
            ("failure", failure, 1), ("silent", "", 3), ("no JSON", "token", 0),
        ):  # fmt: skip
            with self.subTest(name):
                file = self.write(self.external(self.program(output, status)))
                texts[name] = self.said("oauth.configuration", file, ALLOW)
        self.assertIn("no such user", texts["failure"])
        self.assertIn("status 3", texts["silent"])
        self.assert_all_differ(texts)

    def test_of_a_program_that_is_not_allowed(self):
        answer = {"version": 1, "success": True, "token_type": ID_TOKEN, "id_token": "x"}
        file = self.write(self.external(self.program(answer)))
        status, said = self.send(file)
        self.assertEqual(status, 3, said)
        self.assertIn("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1", said)
        self.assertFalse((self.folder / "seen").exists())

    def test_of_impersonation(self):
        peer, texts = self.peer(), {}
        example = self.example("impersonated.json")
        path = urllib.parse.urlparse(example["service_account_impersonation_url"]).path
        for status, name, words in (
            (403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied"),
            (404, "NOT_FOUND", "Not found; Gaia id not found for email"),
        ):
            rule = "oauth.configuration" if status == 403 else "oauth.wrong_account"
            with self.subTest(name):
                url = peer.on(path, (status, {"error": {"code": status, "message": words,
                                                        "status": name}}))  # fmt: skip
                file = self.write({**example, "service_account_impersonation_url": url})
                texts[name] = self.said(rule, file)
        self.assert_all_differ(texts)

    def test_of_the_metadata_server(self):
        peer, flavor = self.peer(), {"Metadata-Flavor": "Google"}
        project = self.emulator_.ready["project"]
        peer.on("/computeMetadata/v1/project/project-id", lambda *_: (200, flavor, project))
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        environment, texts = {"GCE_METADATA_HOST": peer.host}, {}
        peer.on(path, lambda *_: (404, flavor, "Not found"))
        texts["none"] = self.said("oauth.configuration", environment=environment, project=False)
        peer.on(path, lambda *_: (200, {}, "hello"))
        texts["other"] = self.said("oauth.configuration", environment=environment, project=False)
        self.assert_all_differ(texts)
        self.assertIn("no service account", texts["none"])

    def test_of_fcm_that_takes_no_token(self):
        self.emulator_.fault(fault="unauthenticated")
        self.said("oauth.refused", self.tls / "credentials.json")

    def test_of_the_file_itself(self):
        key = self.example("credentials.json")
        texts = {}
        for name, content in (
            ("no JSON", "{"),
            ("no key", {**key, "private_key": ""}),
            ("cut key", {**key, "private_key": key["private_key"][:200]}),
            ("escaped key", {**key, "private_key": key["private_key"].replace("\n", "\\n")}),
            ("plain token_uri", {**key, "token_uri": "http://example.com/token"}),
            ("android", {"project_info": {}}),
            ("aws", self.external({"environment_id": "aws1"})),
        ):
            with self.subTest(name):
                status, texts[name] = self.send(self.write(content))
                self.assertIn(status, (2, 3), texts[name])
                self.assertIn("own.json", texts[name])
        self.assert_all_differ(texts)


if __name__ == "__main__":
    unittest.main()

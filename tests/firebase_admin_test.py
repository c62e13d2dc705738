"""Google's own SDK for Node against ours: what it writes we read and write without loss, and it
gets from the emulator what it gets from FCM.

firebase-admin comes from npm as it is published; see npm.py.
"""

import concurrent.futures
import http.client
import json
import re
import subprocess
import unittest

import npm
import support
from firebase_admin_messages import Makers, meaning
from support import Case, run_json

LIBRARY = npm.MODULES / "firebase-admin"
COUNT = 320


def setUpModule():
    if reason := npm.why_not("firebase-admin/messaging"):
        npm.skip_module("against firebase-admin", reason)


class Admin(Case):
    def call(self, emulator, *calls):
        """Runs the calls, ("send", message) and so on, in one process; gives their results."""
        done = subprocess.run(
            ["node", npm.HERE / "firebase_admin_driver.js"],
            input=json.dumps({"emulator": emulator.plain, "calls": calls}),
            env={**emulator.settings(), "NODE_PATH": str(npm.MODULES)},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def received(self, emulator):
        """Message name -> the body of its request."""
        kept = json.loads(emulator.get("/_emulator/messages"))["messages"]
        return {message["name"]: message["request"] for message in kept}


class Messages(Admin):
    def test_each_of_its_messages_means_the_same_sent_by_fanfare(self):
        emulator = self.emulator()
        messages = Makers(seed=1).messages(COUNT, support.TOKEN)
        single, batch = messages[:40], messages[40:]
        *singles, many = self.call(
            emulator, *(("send", message) for message in single), ("sendEach", batch)
        )
        self.assertEqual([result for result in singles if "error" in result], [])
        failed = [(m, r) for m, r in zip(batch, many["value"]["responses"]) if not r["success"]]
        self.assertEqual(failed, [])
        names = [result["value"] for result in singles]
        names += [response["messageId"] for response in many["value"]["responses"]]
        theirs = self.received(emulator)

        plain = self.emulator(tls=False)  # Without credentials a command takes half as long.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sent = list(pool.map(lambda i: self.send(plain, i, theirs[names[i]]), range(COUNT)))
        ours = self.received(plain)
        self.assertEqual(len(ours), COUNT)
        for message, their_name, our_name in zip(messages, names, sent):
            their, our = theirs[their_name], ours[our_name]
            self.assertEqual(meaning(our["message"]), meaning(their["message"]), message)

    def send(self, emulator, index, request):
        """Sends it with fanfare, which is told the target apart; gives the message's name."""
        message = dict(request["message"])
        kind = next(k for k in ("token", "fid", "topic", "condition") if k in message)
        target = message.pop(kind)
        file, report = self.folder / f"{index}.json", self.folder / f"{index}.jsonl"
        file.write_text(json.dumps(message))
        status, summary, errors = run_json(
            "--endpoint", emulator.plain, "--project", emulator.ready["project"], "send",
            "--message", file, f"--{kind}", target, "--report", report,
        )  # fmt: skip
        self.assertEqual(status, 0, f"{errors}\n{file.read_text()}")
        return json.loads(report.read_text())["name"]

    def test_a_request_as_firebase_admin_writes_it_is_a_message_file(self):
        emulator = self.emulator()
        (result,) = self.call(emulator, ("send", Makers(seed=2).messages(1, support.TOKEN)[0]))
        file = self.folder / "request.json"
        (their,) = self.received(emulator).values()
        file.write_text(json.dumps(their))
        emulator.post("/_emulator/reset")
        status, _, errors = run_json(*emulator.send_options(), "send", "--message", file)
        self.assertEqual(status, 0, errors)
        (our,) = self.received(emulator).values()
        self.assertEqual(meaning(our["message"]), meaning(their["message"]))

    def test_the_messages_cover_every_field_that_firebase_admin_has(self):
        makers = Makers(seed=1)
        makers.messages(COUNT, support.TOKEN)
        text = (LIBRARY / "lib/messaging/messaging-api.d.ts").read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        theirs = {}
        for name, body in re.findall(r"export interface (\w+) \{(.*?)\n\}", text, re.DOTALL):
            theirs[name] = set(re.findall(r"^    (\w+)\??:", body, re.MULTILINE))
        known = makers.types()
        self.assertEqual({name: theirs.get(name) for name in known},
                         {name: set(fields) for name, fields in known.items()})  # fmt: skip
        targets = {"FidMessage", "TokenMessage", "TopicMessage", "ConditionMessage"}
        targets = set(re.search(r"type Message = (.*?);", text)[1].split(" | ")) - targets
        self.assertEqual(targets, set())
        for name, fields in known.items():
            for field in fields:
                self.assertGreater(makers.used.get((name, field), 0), 9, f"{name}.{field}")


class Answers(Admin):
    HEALTHS = ("living", "unregistered", "malformed", "wrong_sender")

    def setUp(self):
        super().setUp()
        devices = self.folder / "devices.csv"
        self.tokens = {health: f"{i}{support.TOKEN}" for i, health in enumerate(self.HEALTHS)}
        self.fid = "c" + "F" * 21
        rows = [f"{token},{health},android" for health, token in self.tokens.items()]
        devices.write_text("\n".join(["token,health,platform", *rows,
                                      f"{self.fid},unregistered,android", ""]))  # fmt: skip
        self.emulator_ = self.emulator("--devices", devices)

    def codes(self, *calls):
        results = self.call(self.emulator_, *calls)
        return [result["error"]["code"] if "error" in result else "ok" for result in results]

    def test_what_is_wrong_with_a_token_has_the_code_it_has_with_fcm(self):
        codes = self.codes(
            *(("send", {"token": token, "data": {"a": "b"}}) for token in self.tokens.values()),
            ("send", {"fid": self.fid}),
            ("send", {"token": self.tokens["living"], "data": {"from": "me"}}),
        )
        self.assertEqual(codes, [
            "ok",
            "messaging/registration-token-not-registered",
            "messaging/invalid-argument",
            "messaging/mismatched-credential",
            "messaging/installation-id-not-registered",
            "messaging/invalid-argument",
        ])  # fmt: skip

    def test_in_a_multicast_too(self):
        (result,) = self.call(self.emulator_, (
            "sendEachForMulticast", {"tokens": list(self.tokens.values()), "fids": [self.fid]}
        ))  # fmt: skip
        value = result["value"]
        self.assertEqual((value["successCount"], value["failureCount"]), (1, 4))
        self.assertEqual([r["error"]["code"] for r in value["responses"] if not r["success"]], [
            "messaging/registration-token-not-registered",
            "messaging/invalid-argument",
            "messaging/mismatched-credential",
            "messaging/installation-id-not-registered",
        ])  # fmt: skip

    def test_a_dry_run_delivers_nothing(self):
        self.assertEqual(self.codes(("send", {"token": self.tokens["living"]}, True)), ["ok"])
        self.assertEqual(self.emulator_.stats()["dry_runs"], 1)
        self.assertEqual(self.received(self.emulator_), {})

    def test_faults_of_the_project(self):
        message = ("send", {"token": self.tokens["living"], "data": {"a": "b"}})
        for fault, code in (
            ("apns_broken", "ok"),  # The device is no iPhone.
            ("project_not_found", "messaging/registration-token-not-registered"),  # Its own words.
            ("quota_429", "messaging/message-rate-exceeded"),
            ("iam", "messaging/mismatched-credential"),
            ("clock_skew", "app/invalid-credential"),
        ):
            self.emulator_.fault(fault=fault)
            with self.subTest(fault):
                self.assertEqual(self.codes(message), [code])

    def topic_calls(self, subscribe, unsubscribe):
        living, dead = self.tokens["living"], self.tokens["unregistered"]
        here, there, again, gone = self.call(
            self.emulator_,
            (subscribe, [living, dead, self.tokens["malformed"]], "news"),
            ("send", {"topic": "news", "data": {"n": "1"}}),
            (subscribe, living, "/topics/news"),
            (unsubscribe, [living], "news"),
        )
        value = here["value"]
        self.assertEqual((value["successCount"], value["failureCount"]), (1, 2), here)
        self.assertEqual([(e["index"], e["error"]["code"]) for e in value["errors"]], [
            (1, "messaging/registration-token-not-registered"),
            (2, "messaging/invalid-registration-token"),
        ])  # fmt: skip
        self.assertEqual(again["value"]["successCount"], 1, again)
        self.assertEqual(gone["value"]["successCount"], 1, gone)
        kept = json.loads(self.emulator_.get("/_emulator/messages"))["messages"]
        self.assertEqual([message["reached"] for message in kept], [[living]])
        self.call(self.emulator_, ("send", {"topic": "news", "data": {"n": "2"}}))
        kept = json.loads(self.emulator_.get("/_emulator/messages?limit=1"))["messages"]
        self.assertEqual(kept[0]["reached"], [])

    def test_topics_over_v1(self):
        self.topic_calls("subscribeToTopic", "unsubscribeFromTopic")

    def test_topics_over_the_instance_id_api(self):
        self.topic_calls("subscribeToTopicLegacy", "unsubscribeFromTopicLegacy")


class ErrorCodes(Admin):
    """Each code of the SDK's MessagingErrorCode that an answer of FCM can lead to, provoked."""

    # Long enough that the SDK does not try again, but gives the error.
    DOWN = {"fault": "service_503", "retry_after": 120}
    # code -> (the emulator's faults, whom the message goes to)
    SENDING = {
        "invalid-argument": ({}, {"token": "malformed"}),
        "registration-token-not-registered": ({}, {"token": "unregistered"}),
        "installation-id-not-registered": ({}, {"fid": "unregistered_fid"}),
        "mismatched-credential": ({}, {"token": "wrong_sender"}),
        "message-rate-exceeded": ({"fault": "quota_429"}, {"token": "living"}),
        "third-party-auth-error": ({"fault": "apns_broken"}, {"token": "iphone"}),
        "server-unavailable": (DOWN, {"token": "living"}),
        "internal-error": ({"fault": "internal_500"}, {"token": "living"}),
        "unknown-error": ({"fault": "html_502"}, {"token": "living"}),
    }
    # The same for a subscription.
    SUBSCRIBING = {
        "registration-token-not-registered": ({}, "unregistered"),
        "invalid-registration-token": ({}, "malformed"),
        "too-many-topics": ({}, "eager"),
        "authentication-error": ({"fault": "iam"}, "living"),
        "topics-subscription-rate-exceeded": ({"subscriptions_per_second": 0}, "living"),
        "internal-error": ({"fault": "internal_500"}, "living"),
        "unknown-error": (DOWN, "living"),  # Its list of topic errors has no UNAVAILABLE.
    }
    # The SDK's own checks, and words that only the removed APIs spoke.
    NEVER = {
        "invalid-recipient", "invalid-payload", "invalid-data-payload-key", "invalid-options",
        "payload-size-limit-exceeded", "invalid-package-name", "device-message-rate-exceeded",
        "topics-message-rate-exceeded",
    }  # fmt: skip

    def setUp(self):
        super().setUp()
        names = ("living", "unregistered", "malformed", "wrong_sender", "iphone", "eager")
        self.registrations = {name: f"{i}{support.TOKEN}" for i, name in enumerate(names)}
        self.registrations["unregistered_fid"] = "c" + "F" * 21
        devices = self.folder / "devices.csv"
        rows = ["token,health,platform"]
        for name, registration in self.registrations.items():
            health = {"iphone": "living", "eager": "living", "unregistered_fid": "unregistered"}
            platform = "ios" if name == "iphone" else "android"
            rows.append(f"{registration},{health.get(name, name)},{platform}")
        devices.write_text("\n".join(rows) + "\n")
        self.emulator_ = self.emulator("--devices", devices)

    def message(self, target):
        ((kind, name),) = target.items()
        return {kind: self.registrations.get(name, name), "data": {"a": "b"}}

    def outcomes(self, faults_and_calls):
        """The code of each call's error, whichever way the method tells it; "ok" without one."""
        calls = []
        for faults, call in faults_and_calls:
            calls += [("fault", faults), call]
        results = self.call(self.emulator_, *calls)[1::2]
        return [self.code_of(result) for result in results]

    def code_of(self, result):
        error = result.get("error")
        value = result.get("value")
        if isinstance(value, dict):
            told = [r["error"] for r in value.get("responses", ()) if not r["success"]]
            told += [failure["error"] for failure in value.get("errors", ())]
            error = told[0] if told else None
        return error["code"].removeprefix("messaging/") if error else "ok"

    def test_of_sending_over_http1_and_http2(self):
        calls = []
        for faults, target in self.SENDING.values():
            message = self.message(target)
            calls += [(faults, ("send", message)), (faults, ("sendEach", [message]))]
        expected = [code for code in self.SENDING for _ in range(2)]
        self.assertEqual(self.outcomes(calls), expected)

    def test_of_each_kind_of_quota_and_token(self):
        """Other faults with a code of the list above."""
        calls, expected = [], []
        for fault, target, code in (
            ("device_quota_429", {"token": "living"}, "message-rate-exceeded"),
            ("topic_quota_429", {"topic": "news"}, "message-rate-exceeded"),
            ("expired_token", {"token": "living"}, "third-party-auth-error"),
            ("scope_insufficient", {"token": "living"}, "mismatched-credential"),
            ("too_large", {"token": "living"}, "invalid-argument"),
            ("html_200", {"token": "living"}, "unknown-error"),
        ):
            calls.append(({"fault": fault}, ("send", self.message(target))))
            expected.append(code)
        self.assertEqual(self.outcomes(calls), expected)

    def test_of_subscribing_over_v1(self):
        self.fill("eager")
        calls = [
            (faults, ("subscribeToTopic", [self.registrations[name]], "news"))
            for faults, name in self.SUBSCRIBING.values()
        ]
        self.assertEqual(self.outcomes(calls), list(self.SUBSCRIBING))

    def test_of_subscribing_over_the_instance_id_api(self):
        self.fill("eager")
        expected = {**self.SUBSCRIBING}
        # Here the request fails as a whole, and its code is read as one of sending.
        expected["mismatched-credential"] = expected.pop("authentication-error")
        expected["server-unavailable"] = expected.pop("unknown-error")
        calls = [
            (faults, ("subscribeToTopicLegacy", [self.registrations[name]], "news"))
            for faults, name in expected.values()
        ]
        self.assertEqual(self.outcomes(calls), list(expected))

    def fill(self, name):
        """2,000 topics, all that a registration may have."""
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator_.port, timeout=60)
        self.addCleanup(connection.close)
        headers = {"Authorization": "Bearer owner", "access_token_auth": "true"}
        for i in range(2_000):
            path = f"/iid/v1/{self.registrations[name]}/rel/topics/t{i}"
            connection.request("POST", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)

    def test_of_a_connection_that_dies_over_http2(self):
        message = self.message({"token": "living"})
        calls, expected = [], []
        for fault, code in (
            ("refused_stream", "app/network-error"),  # It is not sent again, though it might be.
            ("reset_after", "app/network-error"),  # Delivered all the same.
            ("goaway_max_streams", "unknown-error"),
            ("goaway_pings", "unknown-error"),
            ("empty_200", "app/unable-to-parse-response"),
            ("nameless_200", "ok"),  # A success without a name.
        ):
            faults = {"rules": [{"fault": fault, "times": 1}]}
            calls.append((faults, ("sendEach", [message])))
            expected.append(code)
        self.assertEqual(self.outcomes(calls), expected)

    def test_are_all_that_the_sdk_has(self):
        codes = "require('firebase-admin/messaging').MessagingErrorCode"
        done = subprocess.run(
            ["node", "-p", f"JSON.stringify({codes})"],
            env={**support.CLEAN_ENVIRONMENT, "NODE_PATH": str(npm.MODULES)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        provoked = {*self.SENDING, *self.SUBSCRIBING}
        self.assertEqual(provoked & self.NEVER, set())
        self.assertEqual(provoked | self.NEVER, set(json.loads(done.stdout).values()))


if __name__ == "__main__":
    unittest.main()

"""The API's description against the gateway: every operation is described, every description holds."""

import json
import pathlib
import re
import unittest

import support
from support import Case, TOKEN

DOCUMENT = json.loads((support.ROOT / "docs/openapi.json").read_text())
SENDER_ID = "123456789012"  # The emulator's project number.
METHODS = ("get", "put", "post", "delete")


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def resolve(thing):
    while "$ref" in thing:
        found = DOCUMENT
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def faults(value, schema, where="answer"):
    """What of a value its schema does not allow; the few keywords that the document uses."""
    schema = resolve(schema)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    kind = schema.get("type")
    if isinstance(kind, str) and not isinstance(value, kinds[kind]):
        return [f"{where}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    found = []
    if isinstance(value, dict):
        found += [f"{where}: no {name}" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            if name in schema.get("properties", {}):
                found += faults(inner, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, inner in enumerate(value[:20]):
            found += faults(inner, schema["items"], f"{where}[{i}]")
    return found


class Described(unittest.TestCase):
    def test_every_operation_of_the_source_is_in_the_document(self):
        pattern = re.compile(r'\{"(\w+)",\s*"(GET|PUT|POST|DELETE)",\s*"(/[^"]*)"')
        there = set()
        for file in (support.ROOT / "src/gateway").glob("*_operations.cpp"):
            there |= {(m, p, i) for i, m, p in pattern.findall(file.read_text())}
        described = {(method, path, o["operationId"]) for method, path, o in operations()}
        self.assertEqual(described, there)


class Held(Case):
    """Each operation, called as its example says and in every wrong way that it documents."""

    def setUp(self):
        super().setUp()
        emulator, devices = self.generated(50, tls=False)
        self.token = next(iter(emulator.devices()))
        self.keys = {
            "admin": self.key(*"send read devices campaigns admin".split()),
            "none": self.key("send", project="another"),
        }
        self.gateway_ = self.gateway(emulator, environment={"FANFARE_SERVE_REQUIRE_KEYS": "true"})
        call = self.call
        call("POST", "devices", {"token": self.token, "user": "u-1", "platform": "android"})
        self.message = call("POST", "messages", self.example("submitMessages"))[1]["id"]
        self.campaign = call("POST", "campaigns", self.example("createCampaign"))[1]["id"]
        self.webhook = call("POST", "/v1/webhooks", self.example("createWebhook"))[1]["id"]
        self.extra_key = call("POST", "/v1/keys", self.example("createKey"))[1]["id"]

    def key(self, *scopes, project=None):
        options = [part for scope in scopes for part in ("--scope", scope)]
        options += ["--for-project", project] if project else []
        done = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "t", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {"Authorization": f"Bearer {done.stdout.strip()}"}

    def call(self, method, path, body=None, key="admin", **options):
        return self.gateway_.call(method, path, body, headers=self.keys.get(key, {}), **options)

    def example(self, operation):
        for _, _, described in operations():
            if described["operationId"] == operation:
                content = described["requestBody"]["content"]["application/json"]
                text = json.dumps(content.get("example", {}))
                return json.loads(self.with_names(text))
        raise KeyError(operation)

    def with_names(self, text):
        return text.replace("REGISTRATION", self.token).replace("SENDER", SENDER_ID)

    def filled(self, path, **others):
        values = {"project": "demo", "device": self.token, "user": "u-1", "message": self.message,
                  "campaign": self.campaign, "webhook": self.webhook, "letter": "1",
                  "key": self.extra_key, "topic": "news", "group": "u-1", **others}  # fmt: skip
        query = f"?sender_id={SENDER_ID}" if path.endswith("/{group}") else ""
        return re.sub(r"\{(\w+)\}", lambda part: values[part[1]], path) + query

    def body_of(self, operation):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        return json.loads(self.with_names(json.dumps(content.get("example", {}))))

    def test_an_example_gets_an_answer_that_is_described(self):
        for method, path, operation in operations():
            with self.subTest(operation["operationId"]):
                body = self.body_of(operation)
                if body is None and method in ("POST", "PUT"):
                    body = {}
                status, answer = self.call(method, self.filled(path), body)
                self.assertIn(str(status), operation["responses"], answer)
                said = resolve(operation["responses"][str(status)])
                for kind, content in said.get("content", {}).items():
                    if kind == "application/json":
                        self.assertEqual(faults(answer, content.get("schema", {})), [])

    def test_without_a_key_nothing_is_told(self):
        for method, path, operation in operations():
            with self.subTest(operation["operationId"]):
                status, answer = self.call(method, self.filled(path), {}, key="nobody")
                wanted = 401 if "401" in operation["responses"] else 200
                self.assertEqual(status, wanted, answer)

    def test_a_key_for_something_else_is_refused(self):
        for method, path, operation in operations():
            if "403" not in operation["responses"]:
                continue
            with self.subTest(operation["operationId"]):
                status, answer = self.call(method, self.filled(path), {}, key="none")
                if operation["operationId"] == "pushAsGorush":
                    self.assertIn(status, (400, 403, 404), answer)
                else:
                    self.assertEqual(status, 403, answer)
                    self.assertEqual(faults(answer, {"$ref": "#/components/schemas/Error"}), [])

    def test_what_is_not_there_is_not_found(self):
        nothing = {"project": "nowhere", "device": f"{TOKEN}9", "message": "m-999999", "campaign": "c-999999",
                   "webhook": "wh-nothing", "key": "nothing", "letter": "9", "group": "nobody"}  # fmt: skip
        for method, path, operation in operations():
            parts = set(re.findall(r"\{(\w+)\}", path)) & set(nothing)
            if "404" not in operation["responses"] or not parts or method == "PUT":
                continue
            last = [part for part in re.findall(r"\{(\w+)\}", path) if part in parts][-1]
            with self.subTest(operation["operationId"]):
                status, answer = self.call(
                    method, self.filled(path, **{last: nothing[last]}), self.body_of(operation) or {})
                self.assertIn(status, (404, 409), answer)

    def test_a_body_that_can_not_be_read_is_refused(self):
        for method, path, operation in operations():
            if "requestBody" not in operation or "400" not in operation["responses"]:
                continue
            for body in (b"{", b"[]", b'{"a":1,"a":1}', b"\xff\xfe", b'{"no such field":1}', b'"x"'):
                with self.subTest(operation["operationId"], body=body):
                    status, answer = self.call(method, self.filled(path), body)
                    self.assertIn(status, (400, 404), answer)

    def assert_refused(self, status, answer, operation, wanted):
        self.assertEqual(status, wanted, answer)
        schema = resolve(operation["responses"][str(wanted)])["content"]["application/json"]["schema"]
        self.assertEqual(faults(answer, schema), [])
        self.assertEqual(answer["error"]["code"], wanted)

    def test_a_body_that_is_too_large_is_refused(self):
        large = b'{"a":"' + b"x" * (5 << 20) + b'"}'
        for method, path, operation in operations():
            if "413" in operation["responses"]:
                with self.subTest(operation["operationId"]):
                    self.assert_refused(*self.call(method, self.filled(path), large), operation, 413)

    def test_a_key_that_asks_too_often_is_told_so(self):
        slow = {"name": "slow", "scopes": ["admin"], "requests_per_second": 1}
        self.keys["slow"] = {"Authorization": "Bearer " + self.call("POST", "/v1/keys", slow)[1]["key"]}
        for method, path, operation in operations():
            if "429" not in operation["responses"]:
                continue
            with self.subTest(operation["operationId"]):
                for _ in range(4):  # It may just have become free.
                    status, answer = self.call(method, self.filled(path), {}, key="slow")
                    if status == 429:
                        break
                self.assert_refused(status, answer, operation, 429)

    def test_the_document_and_its_page_are_served(self):
        self.assertEqual(self.call("GET", "/openapi.json", key="nobody")[1], DOCUMENT)
        self.assertIn("/openapi.json", self.call("GET", "/docs", key="nobody")[1])


if __name__ == "__main__":
    unittest.main()

"""Topics and device groups through the gateway, as the emulator knows them afterwards."""

import unittest

from support import Case

SENDER_ID = "123456789012"  # The emulator's project number.


class Topics(Case):
    def setUp(self):
        super().setUp()
        emulator, _ = self.generated(200, tls=False)
        self.gateway_ = self.gateway(emulator)
        known = emulator.devices()
        self.living = [t for t, row in known.items() if row["health"] == "living" and "fid" not in row]
        self.dead = [t for t, row in known.items() if row["health"] == "unregistered"]

    def call(self, method, path, body=None):
        return self.gateway_.call(method, path, body)

    def topics_of(self, token):
        status, answer = self.call("GET", f"devices/{token}/topics")
        self.assertEqual(status, 200, answer)
        return [each["topic"] for each in answer["topics"]]

    def test_devices_are_subscribed_and_unsubscribed(self):
        living, dead = self.living[:3], self.dead[0]
        status, answer = self.call("POST", "topics/news:subscribe", {"tokens": [*living, dead]})
        self.assertEqual((status, answer["changed"], answer["failed"]), (200, 3, 1), answer)
        failure = answer["failures"][0]
        self.assertEqual(
            (failure["token"], failure["verdict"], failure["rule"], failure["status"]),
            (dead, "device_gone", "token.unregistered", 404),
        )
        self.assertEqual(self.topics_of(living[0]), ["news"])
        status, answer = self.call("POST", "topics/news:unsubscribe", {"tokens": living})
        self.assertEqual((status, answer["changed"]), (200, 3), answer)
        self.assertEqual(self.topics_of(living[0]), [])
        self.assertEqual(self.call("GET", f"devices/{dead}/topics")[0], 404)

    def test_all_devices_of_a_user(self):
        for token in self.living[:2]:
            self.call("POST", "devices", {"token": token, "user": "u-7"})
        status, answer = self.call("POST", "topics/news:subscribe", {"user": "u-7"})
        self.assertEqual((status, answer["changed"]), (200, 2), answer)
        self.assertEqual(self.topics_of(self.living[1]), ["news"])
        self.assertEqual(self.call("POST", "topics/news:subscribe", {"user": "nobody"})[0], 404)

    def test_what_is_wrong_is_said(self):
        for topic, body, field in (
            ("news", {}, "tokens"),
            ("news", {"tokens": ["t"], "user": "u"}, "user"),
            ("news", {"tokens": "t"}, "tokens"),
            ("no%20topic", {"tokens": ["t"]}, "topic"),
        ):
            status, answer = self.call("POST", f"topics/{topic}:subscribe", body)
            self.assertEqual((status, answer["error"].get("field")), (400, field), answer)

    def test_a_group_begins_grows_shrinks_and_ends(self):
        one, two = self.living[:2]
        change = {"sender_id": SENDER_ID, "tokens": [two]}
        status, group = self.call("POST", "groups", {"name": "u-7", "sender_id": SENDER_ID, "tokens": [one]})
        self.assertEqual((status, group["name"]), (200, "u-7"), group)
        self.assertTrue(group["notification_key"])
        status, answer = self.call("POST", "groups", {"name": "u-7", "sender_id": SENDER_ID, "tokens": [one]})
        self.assertEqual((status, answer["error"]["status"]), (409, "ALREADY_EXISTS"), answer)
        self.assertEqual(self.call("POST", "groups/u-7:add", change)[0], 200)
        self.assertEqual(self.call("GET", f"groups/u-7?sender_id={SENDER_ID}")[0], 200)
        for token in (one, two):
            body = {"sender_id": SENDER_ID, "tokens": [token]}
            status, answer = self.call("POST", "groups/u-7:remove", body)
            self.assertEqual(status, 200, answer)
        self.assertEqual(self.call("GET", f"groups/u-7?sender_id={SENDER_ID}")[0], 404)
        self.assertEqual(self.call("GET", "groups/u-7?sender_id=x")[0], 400)


if __name__ == "__main__":
    unittest.main()

"""The gateway from outside, as services in any language see it."""

import datetime
import http.server
import hashlib
import hmac
import json
import threading
import unittest

import support
from support import Case, TOKEN

MESSAGE = {"notification": {"title": "Shipped", "body": "It is on its way."}}


def one(token=TOKEN, **options):
    return {"message": MESSAGE, "to": {"token": token}, **options}


class Messages(Case):
    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator(tls=False)
        self.gateway_ = self.gateway(self.emulator_)

    def final(self, message):
        def look():
            status = self.gateway_.call("GET", f"messages/{message}")[1]
            return None if status["state"] in ("waiting", "in_flight") else status
        return self.gateway_.until(look)

    def submit(self, body, **options):
        status, answer = self.gateway_.call("POST", "messages", body, **options)
        self.assertEqual(status, 202, answer)
        return answer

    def test_one_is_accepted_delivered_and_accounted_for(self):
        answer = self.submit(one(labels={"order": "4711"}))
        self.assertEqual((answer["count"], answer["messages"]), (1, [answer["id"]]))
        status = self.final(answer["id"])
        self.assertEqual((status["state"], status["attempts"]), ("delivered", 1))
        self.assertEqual(status["labels"], {"order": "4711"})
        self.assertIn("projects/demo/messages/", status["name"])
        self.assertEqual(self.emulator_.stats()["accepted"], 1)
        self.assertTrue(self.gateway_.settled()["balance"])

    def test_one_message_to_many_and_many_messages_at_once(self):
        many = self.submit({"message": MESSAGE, "to": [{"token": f"{TOKEN}{i}"} for i in range(500)]})
        self.assertEqual(many["count"], 500)
        self.submit({"messages": [
            {"message": {"data": {"n": str(i)}}, "to": {"token": f"{TOKEN}{i}"}} for i in range(50)
        ]})  # fmt: skip
        self.assertEqual(self.gateway_.settled()["delivered"], 550)
        self.assertEqual(self.emulator_.stats()["accepted"], 550)

    def test_topics_conditions_and_a_target_inside_the_message(self):
        self.submit({"message": MESSAGE, "to": {"topic": "news"}})
        self.submit({"message": MESSAGE, "to": {"condition": "'a' in topics && 'b' in topics"}})
        self.submit({"message": {**MESSAGE, "token": TOKEN}})
        self.assertEqual(self.gateway_.settled()["delivered"], 3)

    def test_the_same_key_gives_the_same_answer(self):
        first = self.submit(one(), headers={"Idempotency-Key": "order-7"})
        second = self.submit(one(), headers={"Idempotency-Key": "order-7"})
        self.assertEqual((second["id"], second["repeated"]), (first["id"], True))
        status, refused = self.gateway_.call(
            "POST", "messages", one(priority="urgent"), headers={"Idempotency-Key": "order-7"}
        )
        self.assertEqual((status, refused["error"]["field"]), (409, "idempotency_key"))
        self.assertEqual(self.gateway_.settled()["accepted"], 1)

    def test_the_same_key_from_many_at_once_is_one_message(self):
        answers = []

        def post():
            answers.append(self.submit(one(idempotency_key="order-8"))["id"])

        threads = [threading.Thread(target=post) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(self.gateway_.settled()["accepted"], 1)

    def test_a_message_for_later_waits_and_can_be_cancelled(self):
        answer = self.submit(one(send_at=self.in_an_hour()))
        status = self.gateway_.call("GET", f"messages/{answer['id']}")[1]
        self.assertEqual(status["state"], "waiting")
        status, cancelled = self.gateway_.call("POST", f"messages/{answer['id']}:cancel", {})
        self.assertEqual((status, cancelled["state"]), (200, "cancelled"))
        self.assertEqual(self.gateway_.call("POST", f"messages/{answer['id']}:cancel", {})[0], 409)
        self.assertEqual(self.emulator_.stats()["accepted"], 0)

    def in_an_hour(self):
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        return later.strftime("%Y-%m-%dT%H:%M:%SZ")

    def test_nothing_is_sent_after_its_expiry(self):
        self.emulator_.fault(fault="service_503", retry_after=5)
        answer = self.submit(one(expires_in="2s"))
        status = self.final(answer["id"])
        self.assertEqual((status["state"], status["rule"][:7]), ("expired", "service"))
        self.assertIn("UNAVAILABLE", status["evidence"]["body"])

    def test_messages_of_one_order_key_go_one_after_another(self):
        self.emulator_.fault(latency_ms=20)
        ids = [self.submit(one(order_key="chat"))["id"] for _ in range(10)]
        ended = [self.final(message)["ended_at"] for message in ids]
        self.assertEqual(ended, sorted(ended))
        self.assertEqual(self.emulator_.stats()["max_in_flight"], 1)

    def test_a_rejected_message_is_a_dead_letter_until_it_is_replayed(self):
        self.emulator_.fault(fault="payload_invalid")
        answer = self.submit(one())
        self.assertEqual(self.final(answer["id"])["state"], "rejected")
        letters = self.gateway_.call("GET", "dead-letters")[1]["dead_letters"]
        self.assertEqual([letter["id"] for letter in letters], [answer["id"]])
        self.assertEqual(letters[0]["target"], {"token": TOKEN})
        self.emulator_.fault(fault="none")
        status, replayed = self.gateway_.call("POST", "dead-letters:replay", {"messages": [answer["id"]]})
        self.assertEqual(status, 202)
        self.assertEqual(self.final(replayed["replayed"][0]["message"])["state"], "delivered")
        self.assertEqual(self.gateway_.call("GET", "dead-letters")[1]["dead_letters"], [])

    def test_a_text_that_is_wrong_for_everyone_is_not_sent_to_everyone(self):
        self.emulator_.fault(fault="payload_invalid")
        for part in range(4):
            self.submit({"message": MESSAGE, "to": [{"token": f"{TOKEN}{part}x{i}"} for i in range(1000)]})
        self.assertEqual(self.gateway_.settled()["rejected"], 4000)
        self.assertLess(self.emulator_.stats()["requests"], 3500)

    def test_what_is_wrong_is_said_with_its_place(self):
        for body, field in (
            ({"message": {"androd": {}}, "to": {"token": "t"}}, "message.androd"),
            ({"message": MESSAGE, "to": {"tokn": "t"}}, "to.tokn"),
            ({"message": MESSAGE}, "to"),
            ({"to": {"token": "t"}}, "message"),
            (one(priority="high"), "priority"),
            (one(expires_in="soon"), "expires_in"),
            (one(send_at="tomorrow"), "send_at"),
            (one(colour="red"), "colour"),
            ({"messages": [one(), {"message": MESSAGE}]}, "messages[1].to"),
            ({"message": {"android": {"ttl": "5"}}, "to": {"token": "t"}}, "message.android.ttl"),
        ):
            with self.subTest(field):
                status, answer = self.gateway_.call("POST", "messages", body)
                self.assertEqual((status, answer["error"].get("field")), (400, field), answer)
                self.assertTrue(answer["error"]["message"])
        self.assertEqual(self.gateway_.call("POST", "messages", b'{"a":1,"a":2}')[0], 400)
        self.assertEqual(self.gateway_.call("POST", "messages", b'{"message":"\xff"}')[0], 400)
        self.assertEqual(self.gateway_.call("POST", "messages", b"[" * 100_000)[0], 400)
        self.assertEqual(self.gateway_.call("GET", "messages")[0], 405)
        self.assertEqual(self.gateway_.call("GET", "/v1/nothing")[0], 404)
        self.assertEqual(self.gateway_.call("GET", "/v1/projects/%zz")[0], 400)
        self.assertEqual(self.gateway_.call("POST", "/v1/projects/other/messages", one())[0], 404)

    def test_traces_and_request_ids_are_kept(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        answer = self.submit(one(), headers={"traceparent": trace, "x-request-id": "mine-1"})
        self.assertEqual(self.final(answer["id"])["traceparent"], trace)

    def test_what_is_in_flight_when_it_is_stopped_is_finished_or_kept(self):
        self.emulator_.fault(latency_ms=200)
        self.submit({"message": MESSAGE, "to": [{"token": f"{TOKEN}{i}"} for i in range(2000)]})
        self.gateway_.stop()
        self.assertEqual(self.gateway_.process.returncode, 0)
        self.emulator_.fault(latency_ms=0)
        self.gateway_ = self.gateway(self.emulator_)
        books = self.gateway_.settled()
        self.assertEqual((books["delivered"], books["balance"]), (2000, True))
        stats = self.emulator_.stats()
        self.assertEqual((stats["accepted"], stats["second_sends"]), (2000, 0))


class Compatible(Case):
    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator(tls=False)
        self.gateway_ = self.gateway(self.emulator_)

    def send(self, message, **more):
        return self.gateway_.call("POST", "messages:send", {"message": message, **more})

    def test_fcms_own_form_gets_fcms_own_answer(self):
        status, answer = self.send({**MESSAGE, "token": TOKEN})
        self.assertEqual(status, 200)
        self.assertIn("projects/demo/messages/", answer["name"])
        self.emulator_.fault(fault="payload_invalid")
        status, answer = self.send({**MESSAGE, "token": TOKEN})
        self.assertEqual((status, answer["error"]["status"]), (400, "INVALID_ARGUMENT"))
        self.assertIn("message.webpush.headers.TTL", json.dumps(answer["error"]["details"]))
        self.emulator_.fault(fault="service_503")
        status, answer = self.send({**MESSAGE, "token": TOKEN})
        self.assertEqual((status, answer["error"]["status"]), (503, "UNAVAILABLE"))
        self.emulator_.fault(fault="none")
        self.assertEqual(self.send({**MESSAGE, "token": TOKEN}, validate_only=True)[0], 200)
        self.assertEqual(self.send({"topik": "x"})[0], 400)
        self.assertEqual(self.send(MESSAGE)[0], 400)
        books = self.gateway_.settled()
        self.assertEqual((books["delivered"], books["rejected"], books["dropped"]), (2, 1, 1))

    def test_a_project_that_is_blocked_answers_at_once(self):
        self.emulator_.fault(fault="api_disabled")
        for _ in range(3):
            status, answer = self.send({**MESSAGE, "token": TOKEN})
            self.assertIn(status, (403, 503), answer)

    def test_gorush(self):
        status, answer = self.gateway_.call("POST", "/api/push", {"notifications": [
            {"tokens": [TOKEN, TOKEN + "2"], "platform": 2, "message": "Hello", "title": "Go",
             "priority": "high", "data": {"n": 1}, "sound": "default"},
            {"tokens": [TOKEN + "3"], "platform": 1, "message": "Hello", "badge": 3,
             "topic": "com.example.app", "unknown": True},
            {"topic": "news", "platform": 2, "message": "All"},
        ]})  # fmt: skip
        self.assertEqual((status, answer), (200, {"success": "ok", "counts": 4, "logs": []}))
        self.assertEqual(self.gateway_.settled()["delivered"], 4)
        kept = json.loads(self.emulator_.get("/_emulator/messages"))["messages"]
        android = next(m["request"]["message"] for m in kept if m["request"]["message"].get("token") == TOKEN)
        self.assertEqual(android["android"]["priority"].lower(), "high")
        self.assertEqual(android["data"], {"n": "1"})
        ios = next(m["request"]["message"] for m in kept if m["request"]["message"].get("token") == TOKEN + "3")
        self.assertEqual(ios["apns"]["payload"]["aps"]["badge"], 3)


class Breakers(Case):
    def test_a_blocked_project_holds_its_messages_and_goes_on_by_itself(self):
        emulator = self.emulator(tls=False)
        config = self.folder / "gateway.toml"
        config.write_text('[breakers]\nfirst_wait = "1s"\nlongest_wait = "1s"\n')
        gateway = support.Gateway(
            self.folder / "fanfare.db", emulator, environment={"FANFARE_CONFIG": str(config)}
        )
        self.addCleanup(gateway.stop)
        emulator.fault(fault="iam")
        for i in range(20):
            body = {"message": MESSAGE, "to": [{"token": f"{TOKEN}{i}x{j}"} for j in range(500)]}
            self.assertEqual(gateway.call("POST", "messages", body)[0], 202)
        blocked = gateway.until(lambda: gateway.call("GET", f"/v1/projects/demo")[1]["breakers"])
        self.assertEqual(blocked[0]["scope"], "project")
        self.assertIn("project.", blocked[0]["rule"])
        self.assertIn('fanfare_breaker_open{project="demo",scope="project"', gateway.call("GET", "/metrics")[1])
        requests = emulator.stats()["requests"]
        self.assertLess(requests, 500)
        emulator.fault(fault="none")
        self.assertEqual(gateway.settled()["delivered"], 10_000)
        self.assertEqual(gateway.call("GET", "/v1/projects/demo")[1]["breakers"], [])
        types = [event["type"] for event in gateway.call("GET", "/v1/events")[1]["events"]]
        self.assertEqual(types, ["breaker.opened", "breaker.closed"])


class Devices(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, self.list_ = self.generated(200, tls=False)
        self.gateway_ = self.gateway(self.emulator_)

    def register_all(self):
        rows = self.emulator_.devices()
        devices = [{"token": token, "platform": row["platform"], "user": f"u-{i // 2}"}
                   for i, (token, row) in enumerate(rows.items())]  # fmt: skip
        status, answer = self.gateway_.call("POST", "devices:bulk", {"devices": devices + [{"user": "x"}]})
        self.assertEqual((status, answer["added"]), (200, 200), answer)
        self.assertEqual([bad["index"] for bad in answer["bad"]], [200])
        return rows

    def test_the_life_of_a_device(self):
        call = self.gateway_.call
        status, answer = call("POST", "devices", {"token": TOKEN, "user": "u", "platform": "android"})
        self.assertEqual((status, answer["created"], answer["device"]["state"]), (201, True, "active"))
        status, answer = call("PUT", f"devices/{TOKEN}", {"locale": "ko-KR"})
        self.assertEqual((status, answer["created"], answer["device"]["locale"]), (200, False, "ko-KR"))
        self.assertEqual(call("POST", f"devices/{TOKEN}:touch", {})[0], 200)
        self.assertEqual(call("DELETE", f"devices/{TOKEN}")[1]["state"], "retired")
        self.assertEqual(call("POST", "messages", {"message": MESSAGE, "to": {"user": "u"}})[0], 404)
        self.assertEqual(call("POST", f"devices/{TOKEN}:restore", {})[1]["state"], "active")
        history = call("GET", f"devices/{TOKEN}/history")[1]["events"]
        self.assertEqual([event["cause"] for event in history], ["retire", "restore"])
        status, answer = call("POST", "messages", {"message": MESSAGE, "to": {"user": "u"}})
        self.assertEqual((status, answer["count"]), (202, 1))
        self.assertEqual(call("GET", "devices/nobody")[0], 404)
        self.assertEqual(call("GET", "/v1/projects/other/devices/" + TOKEN)[0], 404)
        self.assertEqual(call("GET", "devices?filter=platform:ios")[1]["devices"], [])
        self.assertEqual(call("GET", "devices?filter=platform:")[0], 400)
        audit = [entry["action"] for entry in call("GET", "/v1/audit")[1]["entries"]]
        self.assertEqual(audit, ["device.unregister", "device.restore"])
        self.assertNotIn(TOKEN, json.dumps(call("GET", "/v1/audit")[1]))

    def test_dead_devices_are_retired_and_living_ones_are_not(self):
        rows = self.register_all()
        body = {"message": MESSAGE, "to": [{"token": token} for token in rows]}
        self.assertEqual(self.gateway_.call("POST", "messages", body)[0], 202)
        self.gateway_.settled()
        pages, after = {}, 0
        while after is not None:
            page = self.gateway_.call("GET", f"devices?limit=77&after={after}")[1]
            pages |= {device["token"]: device["state"] for device in page["devices"]}
            after = page.get("after")
        self.assertEqual(set(pages), set(rows))
        for token, row in rows.items():
            if row["health"] == "unregistered":
                self.assertEqual(pages[token], "retired", row)
            if row["health"] == "living":
                self.assertEqual(pages[token], "active", row)
        events = self.gateway_.call("GET", "/v1/events?type=device.*&limit=1000")[1]["events"]
        retired = {event["data"]["token"] for event in events if event["type"] == "device.retired"}
        self.assertEqual(retired, {token for token, state in pages.items() if state == "retired"})

    def test_a_wave_of_404_pulls_the_brake(self):
        self.register_all()
        living = [t for t, row in self.emulator_.devices().items() if row["health"] == "living"]
        self.emulator_.fault(fault="outage_404", outage_share=1.0)
        for _ in range(3):
            self.gateway_.call("POST", "messages", {"message": MESSAGE, "to": [{"token": t} for t in living]})
            self.gateway_.settled()
        brakes = self.gateway_.call("GET", "brake")[1]["brakes"]
        self.assertTrue(brakes)
        states = self.gateway_.call("GET", "devices:stats")[1]["by_state"]
        self.assertEqual(states.get("retired", 0), 0, states)
        self.assertGreater(self.gateway_.call("POST", "brake:release", {})[1]["devices"], 0)
        self.assertEqual(self.gateway_.call("GET", "devices:stats")[1]["by_state"].get("suspect", 0), 0)


class Campaigns(Case):
    def setUp(self):
        super().setUp()
        self.emulator_, self.list_ = self.generated(2000, tls=False)
        done = support.run("--project", "demo", "--store", self.folder / "fanfare.db",
                           "devices", "import", self.list_)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.gateway_ = self.gateway(self.emulator_)

    def create(self, **options):
        status, campaign = self.gateway_.call("POST", "campaigns", {"message": MESSAGE, **options})
        self.assertEqual(status, 201, campaign)
        return campaign["id"]

    def state(self, campaign):
        return self.gateway_.call("GET", f"campaigns/{campaign}")[1]

    def until(self, campaign, *states):
        def look():
            now = self.state(campaign)
            return now if now["state"] in states else None
        return self.gateway_.until(look)

    def test_one_goes_to_its_audience_and_its_books_balance(self):
        status, count = self.gateway_.call(
            "POST", "campaigns:preflight", {"message": MESSAGE, "audience": "platform:android"})
        self.assertEqual(status, 200)
        campaign = self.create(audience="platform:android", name="Spring")
        ended = self.until(campaign, "finished", "failed", "blocked")
        self.assertEqual(ended["state"], "finished", ended)
        books = ended["books"]
        self.assertEqual(books["audience"], count["audience_count"])
        self.assertEqual(books["audience"], sum(n for name, n in books.items() if name != "audience"))
        self.assertGreater(books["retired"], 0)
        event = self.gateway_.call("GET", "/v1/events?type=campaign.finished")[1]["events"][0]
        self.assertEqual(event["data"]["accepted"], books["accepted"])

    def test_one_is_paused_resumed_and_survives_the_gateway(self):
        self.emulator_.fault(latency_ms=100)
        campaign = self.create(messages_per_minute=12_000)
        self.gateway_.until(lambda: self.state(campaign)["books"]["accepted"] > 20)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{campaign}:pause", {})[0], 202)
        paused = self.until(campaign, "paused")
        self.assertLess(paused["books"]["accepted"], 1500)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{campaign}:resume", {})[0], 202)
        self.gateway_.until(
            lambda: self.state(campaign)["books"]["accepted"] > paused["books"]["accepted"])
        self.gateway_.process.kill()
        self.gateway_.process.wait()
        self.emulator_.fault(latency_ms=0)
        self.gateway_ = self.gateway(self.emulator_)
        books = self.until(campaign, "finished")["books"]
        self.assertEqual(books["audience"], sum(n for name, n in books.items() if name != "audience"))

    def test_one_is_cancelled_and_the_rest_is_never_sent(self):
        campaign = self.create(messages_per_minute=6_000)
        self.gateway_.until(lambda: self.state(campaign)["books"]["accepted"] > 5)
        self.gateway_.call("POST", f"campaigns/{campaign}:cancel", {})
        books = self.until(campaign, "cancelled")["books"]
        self.assertGreater(books["cancelled"], 0)
        self.assertEqual(books["waiting"], 0)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{campaign}:resume", {})[0], 409)

    def test_whom_it_did_not_reach_can_be_sent_to_again(self):
        self.gateway_.stop()
        once = {"FANFARE_SERVE_FCM_MAX_ATTEMPTS": "1"}  # So that a device that is flaky fails.
        self.gateway_ = self.gateway(self.emulator_, environment=once)
        campaign = self.create()
        books = self.until(campaign, "finished")["books"]
        self.assertGreater(books["failed"], 0)
        letters, after = [], 0
        while True:
            status, page = self.gateway_.call("GET", f"campaigns/{campaign}/dead-letters?limit=20&after={after}")
            self.assertEqual(status, 200, page)
            if not page["dead_letters"]:
                break
            letters, after = letters + page["dead_letters"], page["after"]
        self.assertEqual(len({each["token"] for each in letters}), len(letters))
        self.assertGreater(len(letters), 0)
        self.assertLessEqual(len(letters), books["failed"] + books["unknown"])
        status, replay = self.gateway_.call("POST", f"campaigns/{campaign}/dead-letters:replay", {})
        self.assertEqual((status, replay["count"], replay["left"]), (202, len(letters), 0), replay)
        self.assertEqual(self.gateway_.settled()["accepted"], len(letters))
        self.assertEqual(self.gateway_.call("GET", f"messages/{replay['id']}")[0], 200)
        status, again = self.gateway_.call("POST", f"campaigns/{campaign}/dead-letters:replay", {})
        self.assertEqual((status, again["count"]), (202, 0))
        self.assertEqual(self.gateway_.call("GET", f"campaigns/{campaign}/dead-letters")[1]["dead_letters"], [])

    def test_a_message_to_an_audience_is_a_campaign(self):
        status, campaign = self.gateway_.call(
            "POST", "messages", {"message": MESSAGE, "to": {"audience": "platform:ios"}})
        self.assertEqual((status, campaign["audience"]), (202, "platform:ios"))
        self.until(campaign["id"], "finished")
        self.assertEqual(
            self.gateway_.call("POST", "campaigns", {"message": MESSAGE, "audience": "nonsense"})[0], 400)

    def sums_up(self, books):
        return books["audience"] == sum(n for name, n in books.items() if name != "audience")

    def finished(self, campaign):
        events = self.gateway_.call("GET", "/v1/events?type=campaign.finished")[1]["events"]
        return [event["data"] for event in events if event["data"]["campaign"] == campaign]

    def killed_and_started_again(self):
        self.gateway_.process.kill()
        self.gateway_.process.wait()
        self.gateway_ = self.gateway(self.emulator_)

    def test_a_slow_one_that_is_cancelled_stops_at_once(self):
        campaign = self.create(messages_per_minute=60)
        self.gateway_.until(lambda: self.state(campaign)["books"]["accepted"] > 0)
        self.gateway_.call("POST", f"campaigns/{campaign}:cancel", {})
        ended = self.gateway_.until(lambda: "ended" in self.state(campaign), seconds=20)
        self.assertTrue(ended)
        books = self.state(campaign)["books"]
        self.assertEqual((self.state(campaign)["state"], books["waiting"]), ("cancelled", 0))
        self.assertLess(books["accepted"], 60)
        self.assertTrue(self.sums_up(books))

    def test_what_is_paused_or_cancelled_stays_so_after_a_crash(self):
        paused, cancelled = (self.create(messages_per_minute=6_000) for _ in range(2))
        for campaign in (paused, cancelled):
            self.gateway_.until(lambda: self.state(campaign)["books"]["accepted"] > 5)
        # What is under way does not come back, so that the walks can't end before the crash.
        self.emulator_.fault(latency_ms=60_000)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{paused}:pause", {})[0], 202)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{cancelled}:cancel", {})[0], 202)
        self.killed_and_started_again()
        self.assertEqual(self.state(paused)["state"], "paused")
        self.gateway_.until(lambda: self.finished(cancelled))
        ended = self.state(cancelled)
        self.assertEqual((ended["state"], ended["books"]["waiting"]), ("cancelled", 0))
        self.assertTrue(self.sums_up(ended["books"]))
        self.assertEqual(len(self.finished(cancelled)), 1)
        self.killed_and_started_again()
        self.assertEqual(len(self.finished(cancelled)), 1)

    def test_one_that_never_ran_is_cancelled_with_its_books_and_an_event(self):
        draft = self.create(draft=True)
        audience = self.state(draft)["books"]["audience"]
        self.assertGreater(audience, 0)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{draft}:cancel", {})[0], 202)
        books = self.state(draft)["books"]
        self.assertEqual((books["cancelled"], books["waiting"]), (audience, 0))
        self.assertEqual([event["state"] for event in self.finished(draft)], ["cancelled"])
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{draft}:cancel", {})[0], 409)

    def test_whoever_leaves_the_audience_before_his_turn_is_accounted_for(self):
        campaign = self.create(messages_per_minute=12_000)
        self.gateway_.until(lambda: self.state(campaign)["books"]["accepted"] > 0)
        self.gateway_.call("POST", f"campaigns/{campaign}:pause", {})
        self.until(campaign, "paused")
        for token in list(self.emulator_.devices())[-50:]:
            self.gateway_.call("DELETE", f"devices/{token}")
        self.gateway_.call("POST", f"campaigns/{campaign}:resume", {})
        books = self.until(campaign, "finished")["books"]
        self.assertEqual((books["cancelled"], books["waiting"]), (50, 0))
        self.assertTrue(self.sums_up(books))

    def test_what_was_refused_is_not_written_down_as_done(self):
        draft = self.create(draft=True)
        self.assertEqual(self.gateway_.call("POST", f"campaigns/{draft}:pause", {})[0], 409)
        self.assertEqual(self.gateway_.call("POST", "campaigns/c-99:start", {})[0], 404)
        body = {"message": MESSAGE, "audience": "nonsense"}
        self.assertEqual(self.gateway_.call("POST", "campaigns", body)[0], 400)
        entries = self.gateway_.call("GET", "/v1/audit")[1]["entries"]
        self.assertEqual([entry["action"] for entry in entries], ["campaign.create"])

    def test_devices_that_a_campaign_finds_dead_are_told_of(self):
        self.until(self.create(), "finished")
        retired = {token for token, device in self.states(self.folder / "fanfare.db").items()
                   if device["state"] == "retired"}  # fmt: skip
        self.assertGreater(len(retired), 0)
        events = self.gateway_.call("GET", "/v1/events?type=device.retired&limit=1000")[1]["events"]
        told = [event["data"]["token"] for event in events]
        self.assertEqual((set(told), len(told)), (retired, len(retired)))

    def test_the_same_key_gives_the_same_campaign(self):
        for path, body, status in (
            ("campaigns", {"message": MESSAGE, "draft": True}, 201),
            ("messages", {"message": MESSAGE, "to": {"audience": "platform:ios"}}, 202),
        ):
            key = {"Idempotency-Key": path}
            first = self.gateway_.call("POST", path, body, headers=key)
            second = self.gateway_.call("POST", path, body, headers=key)
            self.assertEqual((first[0], second[0]), (status, status))
            self.assertEqual(second[1]["id"], first[1]["id"])
            self.assertTrue(second[1]["repeated"])
            other = self.gateway_.call("POST", path, {**body, "validate_only": True}, headers=key)
            self.assertEqual((other[0], other[1]["error"]["field"]), (409, "idempotency_key"))
        self.assertEqual(len(self.gateway_.call("GET", "campaigns")[1]["campaigns"]), 2)

    def test_the_audience_of_a_message_is_looked_at_and_written_down(self):
        to = {"audience": "nonsense"}
        self.assertEqual(self.gateway_.call("POST", "messages", {"message": MESSAGE, "to": to})[0], 400)
        self.assertEqual(self.gateway_.call("GET", "campaigns")[1]["campaigns"], [])
        to = {"audience": "platform:ios"}
        self.assertEqual(self.gateway_.call("POST", "messages", {"message": MESSAGE, "to": to})[0], 202)
        entries = self.gateway_.call("GET", "/v1/audit")[1]["entries"]
        self.assertEqual([entry["action"] for entry in entries], ["campaign.create"])


class Webhooks(Case):
    def receiver(self, answers):
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                seen.append((dict(self.headers), body))
                self.send_response(answers.pop(0) if answers else 200)
                self.send_header("Content-Length", "0")
                self.send_header("Retry-After", "1")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/hook?x=1", seen

    def test_events_come_signed_and_in_order(self):
        emulator = self.emulator(tls=False)
        gateway = self.gateway(emulator)
        url, seen = self.receiver([])
        status, webhook = gateway.call("POST", "/v1/webhooks", {"url": url, "types": ["message.*"]})
        self.assertEqual(status, 201)
        emulator.fault(fault="payload_invalid")
        for i in range(5):
            gateway.call("POST", "messages", one(f"{TOKEN}{i}"))
        gateway.settled()
        gateway.until(lambda: sum(len(json.loads(body)["events"]) for _, body in seen) == 5)
        ids = []
        for headers, body in seen:
            stamp, signature = (part.split("=")[1] for part in headers["fanfare-signature"].split(","))
            wanted = hmac.new(webhook["secret"].encode(), f"{stamp}.".encode() + body, hashlib.sha256)
            self.assertEqual(signature, wanted.hexdigest())
            ids += [event["id"] for event in json.loads(body)["events"]]
        self.assertEqual(ids, sorted(ids))
        listed = gateway.call("GET", "/v1/webhooks")[1]["webhooks"][0]
        self.assertNotIn("secret", listed)
        self.assertEqual(gateway.call("DELETE", f"/v1/webhooks/{webhook['id']}")[0], 204)
        for bad in ("ftp://x", "http://example.com/", "https://me:pw@example.com/", "nonsense"):
            self.assertEqual(gateway.call("POST", "/v1/webhooks", {"url": bad})[0], 400, bad)


class Access(Case):
    def key(self, *scopes, project=()):
        options = [part for scope in scopes for part in ("--scope", scope)]
        options += [part for name in project for part in ("--for-project", name)]
        done = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "test", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {"Authorization": f"Bearer {done.stdout.strip()}"}

    def test_keys_have_scopes_and_projects(self):
        emulator = self.emulator(tls=False)
        sender = self.key("send", project=["demo"])
        stranger = self.key("send", project=["other"])
        admin = self.key("admin", "read")
        gateway = self.gateway(emulator, environment={"FANFARE_SERVE_REQUIRE_KEYS": "true"})
        call = gateway.call
        self.assertEqual(call("POST", "messages", one())[0], 401)
        self.assertEqual(call("POST", "messages", one(), headers={"Authorization": "Bearer ff_x"})[0], 401)
        self.assertEqual(call("POST", "messages", one(), headers=stranger)[0], 403)
        status, answer = call("POST", "messages", one(), headers=sender)
        self.assertEqual(status, 202)
        self.assertEqual(call("GET", f"messages/{answer['id']}", headers=sender)[0], 403)
        self.assertEqual(call("GET", f"messages/{answer['id']}", headers=admin)[0], 200)
        self.assertEqual(call("GET", "/metrics")[0], 401)
        self.assertEqual(call("GET", "/livez")[0], 200)
        status, made = call("POST", "/v1/keys", {"name": "n", "scopes": ["read"]}, headers=admin)
        self.assertEqual(status, 201)
        made_key = {"x-api-key": made["key"]}
        self.assertEqual(call("GET", "books", headers=made_key)[0], 200)
        self.assertEqual(call("DELETE", f"/v1/keys/{made['id']}", headers=admin)[0], 204)
        self.assertEqual(call("GET", "books", headers=made_key)[0], 401)
        self.assertNotIn("key", json.dumps([list(k) for k in call("GET", "/v1/keys", headers=admin)[1]["keys"]]))

    def test_keys_are_listed_with_their_state(self):
        for options in (("--name", "a", "--expires-in", "90d"), ("--name", "b")):
            done = support.run("--store", self.folder / "fanfare.db", "keys", "add", *options, "--scope", "read")
            self.assertEqual(done.returncode, 0, done.stderr)
        keys = self.keys("list")
        self.assertEqual([key["state"] for key in keys], ["valid", "valid"])
        self.keys("revoke", keys[1]["id"])
        self.assertEqual([key["state"] for key in self.keys("list")], ["valid", "revoked"])
        wrong = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "c",
                            "--scope", "read", "--expires-in", "soon")  # fmt: skip
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'soon' is no span", wrong.stderr)

    def keys(self, *arguments):
        done = support.run("--json", "--store", self.folder / "fanfare.db", "keys", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return support.json_lines(done.stdout)

    def test_keys_made_and_revoked_at_the_terminal_are_written_down(self):
        self.key("read")
        store = self.folder / "fanfare.db"
        made = support.run_json("--store", store, "keys", "add", "--name", "n", "--scope", "read")[1]
        self.assertEqual(support.run("--store", store, "keys", "revoke", made["id"]).returncode, 0)
        self.assertEqual(support.run("--store", store, "keys", "revoke", made["id"]).returncode, 1)
        entries = self.gateway(self.emulator(tls=False)).call("GET", "/v1/audit")[1]["entries"]
        self.assertEqual([entry["action"] for entry in entries], ["key.create", "key.create", "key.revoke"])
        self.assertEqual((entries[2]["actor"], entries[2]["target"]), ("command", made["id"]))

    def test_what_was_not_found_is_not_written_down_as_done(self):
        gateway = self.gateway(self.emulator(tls=False))
        for path in ("devices/nobody", "/v1/keys/nobody", "/v1/webhooks/nobody"):
            self.assertEqual(gateway.call("DELETE", path)[0], 404, path)
        self.assertEqual(gateway.call("GET", "/v1/audit")[1]["entries"], [])

    def test_a_key_bound_to_a_project_reaches_nothing_that_belongs_to_all(self):
        emulator = self.emulator(tls=False)
        bound = self.key("admin", "read", "send", project=["demo"])
        gateway = self.gateway(emulator, environment={"FANFARE_SERVE_REQUIRE_KEYS": "true"})
        new_key = {"name": "n", "scopes": ["admin"]}
        for method, path, body in (
            ("POST", "/v1/keys", new_key), ("GET", "/v1/keys", None), ("DELETE", "/v1/keys/k", None),
            ("GET", "/v1/audit", None), ("GET", "/v1/webhooks", None), ("GET", "/metrics", None),
            ("POST", "/v1/webhooks", {"url": "http://127.0.0.1:1/"}), ("GET", "/v1/events", None),
        ):  # fmt: skip
            self.assertEqual(gateway.call(method, path, body, headers=bound)[0], 403, path)
        for path in ("/v1/projects", "/v1/events?project=demo", "brake"):
            self.assertEqual(gateway.call("GET", path, headers=bound)[0], 200, path)
        push = {"notifications": [{"tokens": [TOKEN], "message": "Hi"}]}
        self.assertEqual(gateway.call("POST", "/api/push", push, headers=bound)[0], 200)

    def test_a_key_for_a_project_without_a_name_is_refused(self):
        store = self.folder / "fanfare.db"
        done = support.run("--store", store, "keys", "add", "--name", "n", "--scope", "read",
                           "--for-project", "")  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        gateway = self.gateway(self.emulator(tls=False))
        for projects in ([""], ["demo\nother"]):
            body = {"name": "n", "scopes": ["read"], "projects": projects}
            status, refused = gateway.call("POST", "/v1/keys", body)
            self.assertEqual((status, refused["error"]["field"]), (400, "projects"))

    def test_a_cursor_that_cannot_be_read_does_not_begin_anew(self):
        gateway = self.gateway(self.emulator(tls=False))
        status, refused = gateway.call("GET", "/v1/events?after=seven")
        self.assertEqual((status, refused["error"]["field"]), (400, "after"))

    def test_a_key_has_a_rate(self):
        emulator = self.emulator(tls=False)
        done = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "slow",
                           "--scope", "read", "--requests-per-second", 2)  # fmt: skip
        key = {"Authorization": f"Bearer {done.stdout.strip()}"}
        gateway = self.gateway(emulator, environment={"FANFARE_SERVE_REQUIRE_KEYS": "true"})
        statuses = [gateway.call("GET", "/v1/projects", headers=key)[0] for _ in range(8)]
        self.assertEqual(statuses[:2], [200, 200])
        self.assertIn(429, statuses)

    def test_beyond_this_machine_it_does_not_listen_without_keys(self):
        done = support.run("serve", "--check-config", "--listen", "0.0.0.0:0",
                           environment={"FANFARE_SERVE_REQUIRE_KEYS": "false",
                                        "FANFARE_SERVE_LISTEN": "0.0.0.0:1"})  # fmt: skip
        self.assertEqual(done.returncode, 2)
        self.assertIn("require_keys", done.stderr)

    def test_another_sites_page_is_refused(self):
        gateway = self.gateway(self.emulator(tls=False))
        self.assertEqual(
            gateway.call("POST", "messages", one(), headers={"Origin": "https://evil.example"})[0], 403)

    def test_a_name_that_only_leads_here_is_refused_without_keys(self):
        gateway = self.gateway(self.emulator(tls=False))
        for host, status in (("evil.example", 403), ("evil.example:80", 403), ("1.2.3.4.evil", 403),
                             ("localhost", 200), ("127.0.0.1:8", 200), ("[::1]:8", 200)):  # fmt: skip
            self.assertEqual(gateway.call("GET", "books", headers={"Host": host})[0], status, host)
        self.assertEqual(gateway.call("GET", "/livez", headers={"Host": "evil.example"})[0], 200)

    def test_one_gateway_owns_the_store(self):
        emulator = self.emulator(tls=False)
        self.gateway(emulator)
        done = support.run("--project", "demo", "--store", self.folder / "fanfare.db", "serve",
                           "--listen", "127.0.0.1:0",
                           environment={"FCM_EMULATOR_HOST": f"127.0.0.1:{emulator.port}"})  # fmt: skip
        self.assertEqual(done.returncode, 2)
        self.assertIn("another gateway is using", done.stderr)

    def test_the_settings_are_checked_all_at_once(self):
        config = self.folder / "gateway.toml"
        config.write_text('[serve]\nlisten = "nowhere"\ncolour = "red"\n[queue]\nretention = "soon"\n'
                          '[[project]]\ncredentials = "key.json"\n')  # fmt: skip
        done = support.run("--config", config, "serve", "--check-config")
        self.assertEqual(done.returncode, 2)
        for words in ("gateway.toml:3", "serve.colour", "queue.retention", "project.id", "serve.listen"):
            self.assertIn(words, done.stderr)

    def test_status_reads_beside_the_gateway(self):
        gateway = self.gateway(self.emulator(tls=False))
        gateway.call("POST", "messages", one())
        gateway.settled()
        status, books, errors = support.run_json("--store", self.folder / "fanfare.db", "status")
        self.assertEqual((status, books["delivered"], books["balance"]), (0, 1, True), errors)


if __name__ == "__main__":
    unittest.main()

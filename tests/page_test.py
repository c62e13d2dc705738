"""The page of `fanfare emulate` in a real browser: what it shows, and who can use it.

Needs Debian's chromium and playwright-core (see npm.py); skipped, loudly, without them.
"""

import json
import os
import shutil
import subprocess
import time
import unittest
import urllib.parse

import npm
import support
from support import Case, Server, missing

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}}
VIEWS = ("phones", "requests", "faults")

# A title that is a page of its own, a script, the text turned round, and no place for a break.
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "\u202egnirts desrever\u202c مرحبا بالعالم",
    "W" * 1_500,
    "</li></ul></main><style>*{display:none}</style>",
    "{{constructor.constructor('alert(3)')()}}\n\n\n\u0000\u200b",
)


def setUpModule():
    reason = missing("curl") or npm.why_not("playwright-core")
    if reason is None and CHROMIUM is None:
        reason = "not installed: chromium"
    if reason:
        npm.skip_module("the emulator's page", reason)


class Browser:
    """page_driver.mjs as a child: its methods are this object's."""

    def __init__(self):
        # Chromium's sandbox refuses root; and a container may have next to no /dev/shm.
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        self.process = subprocess.Popen(
            ["node", npm.HERE / "page_driver.mjs"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**support.CLEAN_ENVIRONMENT, "PLAYWRIGHT_MODULES": str(npm.MODULES),
                 "CHROMIUM": CHROMIUM, "CHROMIUM_ARGS": json.dumps(arguments)},
        )  # fmt: skip

    def __getattr__(self, method):
        def call(*parameters):
            self.process.stdin.write(json.dumps([method, *parameters]) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            if "error" in answer:
                raise AssertionError(f"{method}{parameters}: {answer['error']}")
            return answer["value"]

        return call

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


class Page(Case):
    def setUp(self):
        super().setUp()
        self.emulator_ = self.emulator(tls=False)
        self.browser = Browser()
        self.addCleanup(self.browser.stop)

    def open(self, view="phones", **options):
        self.browser.open(f"{self.emulator_.plain}/#{view}", {**DESKTOP, **options})
        self.wait("document.querySelector('#live').dataset.state === 'live'")

    def show(self, view):
        self.browser.evaluate(f"void (location.hash = '#{view}')")
        self.wait(f"!document.querySelector('#{view}').hidden")

    def wait(self, expression, seconds=5):
        self.browser.wait(expression, seconds * 1_000)

    def wait_for_text(self, selector, text, seconds=5):
        """Until a visible element of that kind has the text in it."""
        self.wait(
            f"[...document.querySelectorAll({json.dumps(selector)})].some((one) => "
            f"one.checkVisibility() && one.textContent.includes({json.dumps(text)}))",
            seconds,
        )

    def texts(self, selector):
        return self.browser.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)"
        )

    def add(self, **phone):
        return json.loads(self.emulator_.post("/_emulator/devices", {"platform": "android", **phone}))

    def act(self, phone, action, **body):
        device = urllib.parse.quote(phone["device"], safe="")
        return json.loads(self.emulator_.post(f"/_emulator/devices/{device}/{action}", body))

    def curl(self, phone, **message):
        kind = "fid" if phone["kind"] == "fid" else "token"
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "-H", "Content-Type: application/json",
             "-H", "Authorization: Bearer owner", "--data-binary", "@-",
             f"{self.emulator_.plain}/v1/projects/fanfare-demo/messages:send"],
            input=json.dumps({"message": {kind: phone["device"], **message}}),
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def one_of_each(self):
        """A phone of each platform, with all that a notification has; one of them offline."""
        anna, ben = self.add(user="anna"), self.add(user="ben", platform="ios")
        cleo, dan = self.add(user="cleo", platform="web"), self.add(user="dan", kind="fid")
        self.curl(anna, notification={"title": "Parcel", "body": "Tomorrow."}, data={"order": "17"},
                  android={"notification": {"channel_id": "orders", "color": "#fff200",
                                            "image": "https://127.0.0.1:2/none.png"}})  # fmt: skip
        self.curl(anna, data={"sync": "inbox"})
        self.curl(ben, notification={"title": "Dinner?", "body": "At eight. " * 60},
                  apns={"payload": {"aps": {"badge": 3, "sound": "default"}}})  # fmt: skip
        self.curl(cleo, notification={"title": "Build failed"},
                  webpush={"notification": {"actions": [{"action": "a", "title": "Open log"}]},
                           "fcm_options": {"link": "https://ci.example/812"}})  # fmt: skip
        self.act(dan, "offline")
        self.curl(dan, notification={"title": "Score 1:0"}, android={"collapse_key": "score"})
        self.curl(dan, notification={"title": "Score 2:0"}, android={"collapse_key": "score"})


class Live(Page):
    def test_a_message_is_on_the_phone_within_a_second(self):
        anna = self.add(user="anna")
        self.open()
        spans = []
        for title in ("Letter", "Card", "Parcel"):  # The quickest counts: the machine is shared.
            self.curl(anna, notification={"title": title, "body": "Tomorrow."})
            begun = time.monotonic()
            self.wait_for_text(".note .title", title)
            spans.append(time.monotonic() - begun)
        self.assertLess(min(spans), 1)
        self.assertIn("Tomorrow.", self.texts(".note .body"))
        self.wait_for_text("#announcer", "anna: Parcel, Tomorrow.")
        self.assertEqual(self.browser.problems(), [])

    def test_an_unknown_registration_appears_by_itself(self):
        self.open()
        self.wait_for_text(".empty", "No phones yet")
        self.curl({"kind": "token", "device": support.TOKEN}, notification={"title": "Hello"})
        self.wait_for_text(".note .title", "Hello")

    def test_a_phone_added_elsewhere_appears_by_itself(self):
        self.open()
        self.add(user="anna")
        self.wait_for_text(".card .name", "anna", 10)

    def test_each_platform_shows_its_own(self):
        self.one_of_each()
        self.open()
        self.wait("document.querySelectorAll('.card').length === 4")
        trays = dict(zip(self.texts(".card .name"), self.texts(".card .tray")))
        anna, ben, cleo, dan = (trays[name] for name in ("anna", "ben", "cleo", "dan"))
        self.assertIn("orders", anna)
        self.assertIn("data: sync=inbox", anna)
        self.assertIn("image: https://127.0.0.1:2/none.png", anna)
        self.assertIn("Show all", ben)
        self.assertIn("Open log", cleo)
        links = self.browser.evaluate("[...document.querySelectorAll('.tray a')].map((a) => a.href)")
        self.assertEqual(links, ["https://ci.example/812"])
        self.assertEqual([line.strip() for line in dan.splitlines() if line.strip()],
                         ["waiting: Score 2:0", "collapsed: Score 1:0"])  # fmt: skip
        self.wait_for_text(".card .badge", "3")

    def test_what_waited_comes_when_the_phone_is_online(self):
        anna = self.add(user="anna")
        self.act(anna, "offline")
        self.curl(anna, notification={"title": "Parcel"})
        self.open()
        self.wait_for_text(".line", "waiting: Parcel")
        self.act(anna, "online")
        self.wait_for_text(".note .title", "Parcel")
        self.assertEqual(self.texts(".line"), [])

    def test_a_lost_emulator_is_said_and_one_that_returns_is_followed(self):
        self.curl(self.add(user="anna"), notification={"title": "Before"})
        self.open()
        self.wait_for_text(".note .title", "Before")
        port = self.emulator_.port
        self.emulator_.stop()
        self.wait("document.querySelector('#live').dataset.state === 'gone'")
        self.wait_for_text("#problem", "does not answer")
        self.assertEqual(self.texts(".note .title"), ["Before"])

        again = Server(support.FANFARE, "emulate", "--port", port, "--exit-with-parent")
        self.addCleanup(again.stop)
        self.wait("document.querySelector('#live').dataset.state === 'live'", 10)
        self.wait("document.querySelectorAll('.card').length === 0")
        self.curl(self.add(user="ben"), notification={"title": "After"})
        self.wait_for_text(".note .title", "After")

    def test_of_many_phones_those_with_news_are_drawn_and_any_can_be_found(self):
        phones = [self.add(user=f"user-{i:03}") for i in range(80)]
        self.curl(phones[70], notification={"title": "News"})
        self.open()
        self.wait("document.querySelectorAll('.card').length === 50")
        self.assertIn("user-070", self.texts(".card .name"))
        self.browser.tabTo("Filter")
        self.browser.type("user-06 android")
        self.wait("document.querySelectorAll('.card').length === 10")
        self.assertIn("10 of 80 phones", self.texts("#phones-drawn")[0])

    def test_an_arrival_does_not_move_when_motion_is_not_wanted(self):
        anna = self.add(user="anna")
        for wish, animation in (("reduce", "none"), ("no-preference", "arrive")):
            self.open(reducedMotion=wish)
            self.curl(anna, notification={"title": f"Motion {wish}"})
            self.wait_for_text(".note.fresh .title", f"Motion {wish}")
            shown = "getComputedStyle(document.querySelector('.fresh')).animationName"
            self.assertEqual(self.browser.evaluate(shown), animation)


class Hostile(Page):
    def hostile_messages(self):
        for platform in ("android", "ios", "web"):
            phone = self.add(user=HOSTILE[0] if platform == "ios" else f"a {platform}", platform=platform)
            for text in HOSTILE:
                text = text.replace("\0", "") if platform == "ios" else text
                self.curl(phone, notification={"title": text, "body": text, "image": "javascript:alert(4)"},
                          data={"k" * 200: text[:500], "<b>": "<i>"})  # fmt: skip
            self.curl(phone, notification={"body": "x" * 3_900})
            self.curl(phone, data={"one": "y" * 3_900})
        self.curl(phone, notification={"title": "Link"},
                  webpush={"notification": {"icon": "javascript:alert(5)", "actions": [
                      {"action": "a", "title": HOSTILE[0]}]}})  # fmt: skip

    def test_texts_of_messages_are_only_texts(self):
        self.hostile_messages()
        self.open()
        self.wait("document.querySelectorAll('.note').length > 12")
        self.assertIn(HOSTILE[0], self.browser.evaluate(
            "[...document.querySelectorAll('.note .title')].map((one) => one.textContent)"))  # fmt: skip
        strangers = "document.querySelectorAll('.phones :is(script, style, a, b, i, img)').length"
        self.assertEqual(self.browser.evaluate(strangers), 0)
        self.assertEqual(self.browser.problems(), [])

    def test_they_leave_the_page_in_its_width(self):
        self.hostile_messages()
        for options in (PHONE, DESKTOP):
            self.open(**options)
            self.wait("document.querySelectorAll('.note').length > 12")
            inner = "[...document.querySelectorAll('.tray')].every((t) => t.scrollWidth <= t.clientWidth)"
            self.assertTrue(self.browser.evaluate(inner))
            self.browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            self.browser.evaluate("document.querySelectorAll('.tray button, .opener').forEach((b) => b.click())")
            for view in VIEWS:
                self.show(view)
                self.assertEqual(self.browser.overflow(), 0, (options, view))
            self.show("phones")
            self.assertTrue(self.browser.evaluate(inner))


class Usable(Page):
    def test_by_keyboard_alone(self):
        browser = self.browser
        self.open()
        browser.tabTo("User")
        browser.type("anna")
        browser.press("Enter")
        self.wait_for_text(".card .name", "anna")

        browser.tabTo("Title", "Shift+Tab")
        browser.press("Control+A")
        browser.type("From the page")
        browser.tabTo("Data")
        browser.type("order=17")
        browser.tabTo("Send")
        browser.press("Enter")
        self.wait_for_text("#answer pre", "messages/")
        self.wait_for_text(".note .title", "From the page")
        self.wait_for_text(".note .data", "order=17")

        browser.tabTo("Faults", "Shift+Tab")
        browser.press("Enter")
        browser.tabTo("service_503")
        browser.press("Space")
        self.wait_for_text("#alarm", "Fault on: service_503")
        self.assertEqual(self.emulator_.stats()["fault"], "service_503")
        browser.tabTo("Stop", "Shift+Tab")
        browser.press("Enter")
        self.wait("document.querySelector('#alarm').hidden")
        self.assertEqual(self.emulator_.stats()["fault"], "none")

        browser.tabTo("Requests", "Shift+Tab")
        browser.press("Enter")
        browser.tabTo("Details of POST")
        browser.press("Enter")
        self.wait_for_text(".detail", "/v1/projects/fanfare-demo/messages:send")

    def test_nothing_traps_the_tabulator(self):
        self.one_of_each()
        self.open()
        self.wait("document.querySelectorAll('.card').length === 4")
        for view in VIEWS:
            self.show(view)
            turn = self.browser.tabTurn()
            self.assertEqual(turn["missed"], [], view)
            self.assertGreater(turn["visited"], 8, view)

    def test_controls_have_names_headings_an_order_and_texts_contrast(self):
        self.one_of_each()
        self.emulator_.fault(fault="outage_404", latency_ms=1)
        for scheme in ("light", "dark"):
            self.open(colorScheme=scheme)
            self.wait("document.querySelectorAll('.card').length === 4")
            self.browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            for view in VIEWS:
                with self.subTest(scheme=scheme, view=view):
                    self.show(view)
                    self.assertEqual(self.browser.audit(), {"nameless": [], "faults": [], "pale": []})

    def test_it_fits_a_phone(self):
        self.one_of_each()
        self.emulator_.fault(fault="bare_payload_invalid", latency_ms=1)
        self.open(**PHONE)
        self.wait("document.querySelectorAll('.card').length === 4")
        for view in VIEWS:
            self.show(view)
            self.assertEqual(self.browser.overflow(), 0, view)


class Controls(Page):
    def click(self, text, within="body"):
        self.browser.evaluate(
            f"[...document.querySelectorAll({json.dumps(within + ' button')})]"
            f".find((one) => one.textContent.startsWith({json.dumps(text)})).click()"
        )

    def phone(self, device):
        phones = json.loads(self.emulator_.get("/_emulator/phones"))["phones"]
        return next(phone for phone in phones if phone["device"] == device)

    def test_the_buttons_of_a_phone(self):
        ben = self.add(user="ben", platform="ios")
        self.curl(ben, notification={"title": "Hi"}, apns={"payload": {"aps": {"badge": 2}}})
        self.open()
        self.wait_for_text(".badge", "2")
        self.click("Mark read", ".card")
        self.wait("document.querySelector('.badge').hidden")
        self.click("Go offline", ".card")
        self.wait_for_text(".card .chip", "offline")
        self.assertFalse(self.phone(ben["device"])["online"])
        self.click("Go online", ".card")
        self.wait_for_text(".card .chip", "online")
        self.click("Disable APNs", ".card")
        self.wait_for_text(".card .chip", "apns disabled")

    def test_a_new_registration_is_a_new_card(self):
        self.add(user="anna")
        self.open()
        self.wait_for_text(".card .name", "anna")
        self.click("Migrate to FID", ".card")
        self.wait_for_text(".card .kind", "FID")
        self.wait_for_text(".card .chip", "unregistered")

    def test_what_the_emulator_refuses_is_said_beside_the_field(self):
        self.open("faults")
        self.browser.tabTo("Share in the outage")
        self.browser.press("Control+A")
        self.browser.type("7")
        self.browser.press("Tab")
        self.wait("document.querySelector('[data-setting=outage_share]').ariaInvalid === 'true'")
        self.wait_for_text(".setting .error", "outage_share")
        self.browser.tabTo("Latency", "Shift+Tab")
        self.browser.press("Control+A")
        self.browser.type("7")
        self.browser.press("Tab")
        self.wait_for_text("#alarm", "latency 7 ms")

    def test_a_fault_set_elsewhere_is_seen_in_every_view(self):
        self.open()
        self.emulator_.fault(fault="quota_429")
        for view in VIEWS:
            self.show(view)
            self.wait_for_text("#alarm", "Fault on: quota_429")

    def test_the_log_explains_and_can_be_filtered(self):
        anna, gone = self.add(user="anna"), self.add(user="gone")
        self.act(gone, "uninstall", accepted_before_404=0)
        self.open("requests")
        self.curl(anna, notification={"title": "Hi"})
        with self.assertRaises(AssertionError):
            self.curl(gone, notification={"title": "Hi"})
        self.wait_for_text("#requests-rows tr", "404 UNREGISTERED")
        self.wait("document.querySelectorAll('#requests-rows tr:not(.detail)').length === 2")
        self.browser.tabTo("Show")
        self.browser.type("404")
        self.wait("document.querySelectorAll('#requests-rows tr:not(.detail)').length === 1")
        (row,) = self.texts("#requests-rows tr:not(.detail)")
        self.assertIn("404 UNREGISTERED", row)
        self.assertRegex(row, "(?i)registration")

    def test_the_clock_and_the_counts(self):
        self.curl(self.add(user="anna"), notification={"title": "Hi"})
        self.open()
        self.wait_for_text("#stats", "1")
        self.click("+30 days")
        self.wait_for_text("#ahead", "30 d ahead")
        self.click("Reset counts")
        self.wait("document.querySelector('#stats dd').textContent === '0'")


if __name__ == "__main__":
    unittest.main()

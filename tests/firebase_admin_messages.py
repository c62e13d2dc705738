"""Made-up messages in the form of firebase-admin's types, and what one means on the wire."""

import datetime
import decimal
import random
import re
import struct


class Makers:
    """A maker of values for each field of each type that firebase-admin's Message is made of.

    The names of types and fields are those of its messaging-api.d.ts, so that a test can hold this
    table against that file.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.used = {}  # (type, field) -> how often
        self.eagerness = 0.5
        self.depth = 0

    # --- values ---

    def text(self):
        words = (
            "Hello", "Grüße", "日本", "🎉", "it's", 'say "hi"', "a\\b", "tab\there",
            "line\nbreak", "</script>", "%s {0}", "\u2028", "x", "null", "true", "0", "e\u0301", "\x7f",
        )  # fmt: skip
        return " ".join(self.random.choices(words, k=self.random.randint(1, 3)))

    def flag(self):
        return self.random.random() < 0.5

    def one_of(self, *values):
        return lambda: self.random.choice(values)

    def list_of(self, make, most=3):
        return lambda: [make() for _ in range(self.random.randint(1, most))]

    def name(self):
        return "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz_", k=8))

    def label(self):
        return "".join(self.random.choices("abcXYZ019-_.~%", k=self.random.randint(1, 50)))

    def image(self):
        return f"https://example.com/{self.name()}.png?size={self.random.randint(1, 999)}"

    def colour(self):
        return f"#{self.random.randrange(1 << 24):06x}"

    def milliseconds(self):
        return self.random.choice((0, 1, 200, 999, 1_000, 1_001, 3_500, 60_000, 86_400_000))

    def string_map(self):
        return {self.name(): self.text() for _ in range(self.random.randint(1, 3))}

    def anything(self):
        """Any JSON, as what nobody but the app reads."""
        self.depth += 1
        leaf = self.depth > 3 or self.random.random() < 0.6
        if leaf:
            value = self.random.choice(
                (0, 1, -1, 2**31, 2**53 - 1, 0.1, -2.5e-7, 1e21, True, False, None, "", self.text())
            )
        elif self.random.random() < 0.5:
            value = [self.anything() for _ in range(self.random.randint(0, 3))]
        else:
            value = {
                self.random.choice((self.name(), "", "a.b", "ключ", "imageUrl", "fcm_options")):
                    self.anything()
                for _ in range(self.random.randint(0, 3))
            }  # fmt: skip
        self.depth -= 1
        return value

    # --- types ---

    def make(self, type_name, **given):
        made = dict(given)
        for field, maker in self.types()[type_name].items():
            if field in made or self.random.random() >= self.eagerness:
                continue
            made[field] = maker() if callable(maker) else self.make(maker)
        for field in made:
            self.used[type_name, field] = self.used.get((type_name, field), 0) + 1
        return made

    def with_keys(self, make, *pairs):
        """A type whose arguments firebase-admin takes only with the key that they are for."""

        def maker():
            made = make()
            for arguments, key in pairs:
                if made.get(arguments) and not made.get(key):
                    del made[arguments]
            return made

        return maker

    def custom(self, make):
        """A type that takes further keys."""

        def maker():
            made = make()
            while self.random.random() < 0.4:
                made.setdefault("x-" + self.name(), self.anything())
            return made

        return maker

    def types(self):
        one_of, list_of = self.one_of, self.list_of
        text, flag, image, label = self.text, self.flag, self.image, self.label
        loc = (("bodyLocArgs", "bodyLocKey"), ("titleLocArgs", "titleLocKey"))
        alert_loc = (
            ("locArgs", "locKey"), ("titleLocArgs", "titleLocKey"),
            ("subtitleLocArgs", "subtitleLocKey"),
        )  # fmt: skip
        alert = self.with_keys(lambda: self.make("ApsAlert"), *alert_loc)
        return {
            "BaseMessage": {
                "data": self.string_map,
                "notification": "Notification",
                "android": "AndroidConfig",
                "webpush": "WebpushConfig",
                "apns": "ApnsConfig",
                "fcmOptions": "FcmOptions",
            },
            "Notification": {"title": text, "body": text, "imageUrl": image},
            "FcmOptions": {"analyticsLabel": label},
            "WebpushConfig": {
                "headers": self.webpush_headers,
                "data": self.string_map,
                "notification": self.custom(lambda: self.make("WebpushNotification")),
                "fcmOptions": "WebpushFcmOptions",
            },
            "WebpushFcmOptions": {"link": image},
            "WebpushNotification": {
                "title": text,
                "actions": list_of(self.action, 2),
                "badge": image,
                "body": text,
                "data": self.anything,
                "dir": one_of("auto", "ltr", "rtl"),
                "icon": image,
                "image": image,
                "lang": one_of("en", "de-CH"),
                "renotify": flag,
                "requireInteraction": flag,
                "silent": flag,
                "tag": text,
                "timestamp": lambda: self.random.randrange(1 << 41),
                "vibrate": lambda: self.random.choice((200, [100, 50, 100])),
            },
            "ApnsConfig": {
                "liveActivityToken": self.name,
                "headers": self.apns_headers,
                "payload": self.custom(lambda: self.make("ApnsPayload", aps=self.aps())),
                "fcmOptions": "ApnsFcmOptions",
            },
            "ApnsPayload": {"aps": self.aps},
            "Aps": {
                "alert": lambda: text() if self.random.random() < 0.3 else alert(),
                "badge": lambda: self.random.randint(0, 99),
                "sound": self.sound,
                "contentAvailable": flag,
                "mutableContent": flag,
                "category": text,
                "threadId": text,
            },
            "ApsAlert": {
                "title": text,
                "subtitle": text,
                "body": text,
                "locKey": self.name,
                "locArgs": list_of(text),
                "titleLocKey": self.name,
                "titleLocArgs": list_of(text),
                "subtitleLocKey": self.name,
                "subtitleLocArgs": list_of(text),
                "actionLocKey": self.name,
                "launchImage": self.name,
            },
            "CriticalSound": {
                "critical": flag,
                "name": self.name,
                "volume": lambda: self.random.choice((0, 0.1, 0.5, 0.7071067811865476, 1)),
            },
            "ApnsFcmOptions": {"analyticsLabel": label, "imageUrl": image},
            "AndroidConfig": {
                "collapseKey": self.name,
                "priority": one_of("high", "normal"),
                "ttl": lambda: self.random.choice((0, 500, 1_000, 3_600_000, 2_419_200_000)),
                "restrictedPackageName": one_of("com.example.app"),
                "data": self.string_map,
                "notification": self.with_keys(lambda: self.make("AndroidNotification"), *loc),
                "fcmOptions": "AndroidFcmOptions",
                "directBootOk": flag,
                "bandwidthConstrainedOk": flag,
                "restrictedSatelliteOk": flag,
            },
            "AndroidNotification": {
                "title": text,
                "body": text,
                "icon": self.name,
                "color": self.colour,
                "sound": self.name,
                "tag": text,
                "imageUrl": image,
                "clickAction": self.name,
                "bodyLocKey": self.name,
                "bodyLocArgs": list_of(text),
                "titleLocKey": self.name,
                "titleLocArgs": list_of(text),
                "channelId": self.name,
                "ticker": text,
                "sticky": flag,
                "eventTimestamp": self.time,
                "localOnly": flag,
                "priority": one_of("min", "low", "default", "high", "max"),
                "vibrateTimingsMillis": list_of(self.milliseconds),
                "defaultVibrateTimings": flag,
                "defaultSound": flag,
                "lightSettings": lambda: self.make(
                    "LightSettings", color=self.light_colour(),
                    lightOnDurationMillis=self.milliseconds(),
                    lightOffDurationMillis=self.milliseconds(),
                ),
                "defaultLightSettings": flag,
                "visibility": one_of("private", "public", "secret"),
                "notificationCount": one_of(0, 1, 2**31 - 1),
                "proxy": one_of("allow", "deny", "if_priority_lowered"),
            },
            "LightSettings": {
                "color": self.light_colour,
                "lightOnDurationMillis": self.milliseconds,
                "lightOffDurationMillis": self.milliseconds,
            },
            "AndroidFcmOptions": {"analyticsLabel": label},
        }  # fmt: skip

    def sound(self):
        return "default" if self.random.random() < 0.3 else self.make("CriticalSound", name="a")

    def aps(self):
        return self.custom(lambda: self.make("Aps"))()

    def action(self):
        made = {"action": self.name(), "title": self.text()}
        if self.flag():
            made["icon"] = self.image()
        return made

    def light_colour(self):
        return self.colour() + self.random.choice(("", f"{self.random.randrange(256):02X}"))

    def time(self):
        moment = datetime.datetime.fromtimestamp(self.random.randrange(2**31), datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{self.random.randrange(1000):03}Z"

    def webpush_headers(self):
        return {
            "TTL": str(self.random.randint(0, 2_419_200)),
            "Urgency": self.random.choice(("very-low", "low", "normal", "high")),
            "Topic": self.name(),
        }

    def apns_headers(self):
        return {
            "apns-priority": self.random.choice(("5", "10")),
            "apns-push-type": "alert",
            "apns-expiration": str(self.random.randrange(2**31)),
            "apns-collapse-id": self.name(),
        }

    def targets(self, token):
        """Of each kind; `token` is one that the emulator takes for living."""
        return (
            {"token": token},
            {"topic": "news-" + self.name()},
            {"condition": "'news' in topics && ('a' in topics || !('b' in topics))"},
            {"fid": "c" + "".join(self.random.choices("abcdefABCDEF0123456789-_", k=21))},
        )

    def messages(self, count, token):
        made = []
        for i in range(count):
            self.eagerness = (1.0, 0.15, 0.5, 0.85)[i // 4 % 4]
            made.append({**self.make("BaseMessage"), **self.targets(token)[i % 4]})
        return made


# --- what it means ---

TYPED = ("notification", "android", "webpush", "apns", "fcm_options", "light_settings", "color")
OPAQUE = {("webpush", "notification"), ("apns", "payload")}
MAPS = ("data", "headers")
DURATIONS = ("ttl", "light_on_duration", "light_off_duration")


def snake_case(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def duration(text):
    return decimal.Decimal(text.removesuffix("s"))


def float32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def struct_value(value):
    """google.protobuf.Struct knows one kind of number, and a bool is none."""
    if isinstance(value, dict):
        return {name: struct_value(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [struct_value(inner) for inner in value]
    return ("number", float(value)) if type(value) in (int, float) else value


def meaning(message, parent="message"):
    """The message with one way to say each thing: spelling, durations, times, floats, defaults."""
    meant = {}
    for spelled, value in message.items():
        name = snake_case(spelled)
        if name in meant:
            raise AssertionError(f"{name} is there in both spellings")
        if (parent, name) in OPAQUE:
            meant[name] = struct_value(value)
        elif name in MAPS or isinstance(value, list):
            value = [duration(v) for v in value] if name == "vibrate_timings" else value
            if value:
                meant[name] = value
        elif isinstance(value, dict):
            if name not in TYPED:
                raise AssertionError(f"an object in {parent} of an unknown name: {name}")
            meant[name] = meaning(value, name)
        elif name in DURATIONS:
            meant[name] = duration(value)
        elif name == "event_time":
            meant[name] = datetime.datetime.fromisoformat(value)
        elif name == "priority":
            meant[name] = value.upper()
        elif parent == "color" and name != "color":
            meant[name] = float32(value)
        elif value not in ("", None):  # An empty text is to proto3 the same as none.
            meant[name] = value
    return meant

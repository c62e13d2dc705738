"""Who is compared: how each is told to send a number of messages, and what it says of them.

All send the same message, with 4 connections at most and 100 messages under way on each.
"""

import json
import re

import places

import npm  # From tests/, which places has put on the path.

CONNECTIONS = 4


class Contender:
    name = ""
    # Of the messages that a quick contender sends; a slow one is measured as well with fewer.
    share = 1.0

    def why_not(self, server):
        """Why it can't be measured here against that server; None when it can."""
        return None

    def command(self, place, messages):
        raise NotImplementedError

    def environment(self, place):
        return places.support.CLEAN_ENVIRONMENT

    def accepted(self, output):
        """How many it says were accepted."""
        return json.loads(output.splitlines()[-1])["accepted"]


class Fanfare(Contender):
    def __init__(self, name, binary, options=("--lanes", 1)):  # It has one core.
        self.name, self.binary, self.options_ = name, binary, options

    def command(self, place, messages):
        return [self.binary, "--json", *place.options(), "bench", "--messages", messages,
                "--connections", CONNECTIONS, *self.options_]  # fmt: skip


class H2load(Contender):
    """The same bytes over and over, to the same device, and the answers thrown away."""

    name = "h2load"

    def why_not(self, server):
        return places.support.missing("h2load")

    def command(self, place, messages):
        body = place.folder / "body.json"
        body.write_text(json.dumps(place.message, separators=(",", ":")))
        agent = "fanfare/0.1.0"
        headers = {
            "content-type": "application/json",
            "x-goog-api-client": agent,
            "user-agent": agent,
            "authorization": f"Bearer {place.access_token()}",
        }
        return ["h2load", "-n", messages, "-c", CONNECTIONS, "-m", places.STREAMS, "-d", body,
                *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}")),
                place.url + place.path]  # fmt: skip

    def accepted(self, output):
        return int(re.search(r"status codes: (\d+) 2xx", output)[1])


class Node(Contender):
    share = 0.1

    def __init__(self, package, driver, listed, folder):
        self.package, self.name = package, package
        self.driver = places.ROOT / "bench/node" / driver
        self.listed, self.folder = listed, folder

    def why_not(self, server):
        return npm.why_not(self.package, self.listed, self.folder)

    def command(self, place, messages):
        message = place.folder / "message.json"
        message.write_text(json.dumps(place.message))
        return ["node", self.driver, message, messages, CONNECTIONS]

    def environment(self, place):
        return {**place.environment(), "NODE_PATH": str(self.folder / "node_modules")}


class FirebaseAdmin(Node):
    def __init__(self):
        super().__init__("firebase-admin", "firebase_admin.js", npm.HERE, npm.FOLDER)

    def why_not(self, server):
        if server == "nghttpd":
            return 'nghttpd refuses its requests, whose :scheme is "https:" with a colon'
        return super().why_not(server)


def all_of(binary):
    """By the names that the command line knows them by."""
    return {
        "fanfare": Fanfare("Fanfare", binary),
        "h2load": H2load(),
        "firebase-admin": FirebaseAdmin(),
        "fcm-v1-http2": Node("fcm-v1-http2", "fcm_v1_http2.js", npm.HERE / "clients",
                             npm.support.ROOT / "build/npm-clients"),
    }  # fmt: skip

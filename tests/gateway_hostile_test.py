"""Callers that want to hurt: whatever they send, the gateway answers others and stays small."""

import json
import re
import struct
import threading
import time
import unittest
import urllib.parse

import support
from hostile_test import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, MEBIBYTE, PING,
    PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Client, frame, frames, number,
)  # fmt: skip
from support import Case, TOKEN

GROWTH_LIMIT = 128 * MEBIBYTE
AT_ONCE_SECONDS = 5
MESSAGE = {"notification": {"title": "Shipped"}}
ONE = {"message": MESSAGE, "to": {"token": TOKEN}}
POST = b"/v1/projects/demo/messages"


def short(value):
    """An HPACK string, not Huffman-coded (RFC 7541, 5.2)."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest]) + value


def block(method, path, *fields):
    """A header block that changes no table."""
    out = b"\x02" + short(method) + b"\x86\x04" + short(path) + b"\x01" + short(b"a")
    return out + b"".join(b"\x00" + short(name) + short(value) for name, value in fields)


def request(stream, method, path, *fields, end=True):
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(HEADERS, flags, stream, block(method, path, *fields))


def answers(received):
    """[(status, headers, body)] of HTTP/1.1, in order; fails on what is no whole answer."""
    rest, found = bytes(received), []
    while rest:
        head, blank, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) ?.*", lines[0])
        assert blank and match, rest[:200]
        fields = dict(line.split(": ", 1) for line in lines[1:])
        size = int(fields.get("content-length", 0))
        assert len(rest) >= size, "half of an answer"
        found.append((int(match[1]), fields, rest[:size]))
        rest = rest[size:]
    return found


class Hostile(Case):
    settings = {}

    def setUp(self):
        super().setUp()
        support.raise_open_file_limit()
        self.emulator_ = self.emulator(tls=False)
        self.prepare()
        self.server = self.gateway(self.emulator_, environment=self.settings)
        self.server.port = self.server.ready["port"]
        self.answers_others()
        self.before = self.server.memory("VmRSS")

    def prepare(self):
        """What is done before the gateway starts."""

    def client(self, http2=False):
        client = Client(self.server)
        self.addCleanup(client.socket.close)
        if http2:
            client.send(PREFACE + frame(SETTINGS))
        return client

    def answers_others(self):
        """A caller that behaves is served, in the time it may expect."""
        begun = time.monotonic()
        status, answer = self.server.call("POST", "messages", ONE)
        self.assertEqual(status, 202, answer)
        self.assertEqual(self.server.call("GET", f"messages/{answer['id']}")[0], 200)
        self.assertLess(time.monotonic() - begun, AT_ONCE_SECONDS)

    def unharmed(self, growth=GROWTH_LIMIT):
        self.assertIsNone(self.server.process.poll(), "the gateway is gone")
        self.answers_others()
        self.assertLess((self.server.memory("VmHWM") - self.before) // MEBIBYTE, growth // MEBIBYTE)

    def say(self, data, count=1):
        """What the gateway answers to bytes of HTTP/1.1, and whether it then closed."""
        client = self.client()
        client.send(data)

        def enough():
            try:
                return len(answers(client.received)) >= count
            except AssertionError:
                return False
        client.read_until(enough, seconds=20)
        client.finish()
        return answers(client.received)

    def refused(self, answer, *codes):
        """Like every refusal of the API: JSON that says what is wrong."""
        status, fields, body = answer
        self.assertIn(status, codes, body)
        self.assertEqual(fields.get("content-type"), "application/json", fields)
        error = json.loads(body)["error"]
        self.assertEqual(error["code"], status)
        self.assertTrue(error["message"] and error["status"], error)
        return error



class Bodies(Hostile):
    settings = {"FANFARE_SERVE_MAX_BODY": "1MiB"}

    def test_what_is_no_json_object_is_refused_by_every_operation(self):
        deep = b'{"message":' * 90_000
        bad = [
            b"", b" ", b"null", b"[]", b"7", b'"x"', b"{", b"{}x", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":2}}',
            b'{"message":"\xff"}', b'{"\xc0\x80":1}', b'{"a":"\xed\xa0\x80"}', b"\xef\xbb\xbf{}",
            b"\xff\xfe{\x00}\x00", b'{"a":\x00}', b'{"a":"\x00"}', b"{}\x00", b'{"a":"\x01"}',
            b'{"a":"\\ud800"}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":NaN}', b'{"a":Infinity}',
            b'{"a":1e}', b'{"a":tru}', b"{'a':1}", b'{"a":1,}', b"[" * 500_000, deep, b'{"a":' * 65 + b"1" + b"}" * 65,
            b"/**/{}", b"1" * 500_000, b'{"a":' + b"9" * 400_000 + b"x",
        ]  # fmt: skip
        for path in (
            "messages", "messages:send", "/api/push", "devices", "devices:bulk", "campaigns",
            "campaigns:preflight", "dead-letters:replay", "/v1/webhooks", "/v1/keys",
        ):  # fmt: skip
            for body in bad:
                with self.subTest(path, body=body[:20]):
                    status, answer = self.server.call("POST", path, body)
                    self.assertEqual(status, 400, answer)
                    self.assertTrue(answer["error"]["message"])
        self.unharmed()

    def test_numbers_beyond_all_bounds_are_refused_where_one_is_wanted(self):
        for number_ in ("1e400", "-1e400", "9" * 400, "18446744073709551616",
                        "-1", "1.5", "-0.5", "9223372036854775808", '"1"', "1e3000000000"):  # fmt: skip
            for path, body in (
                ("/v1/keys", '{"name":"n","scopes":["read"],"requests_per_second":%s}'),
                ("campaigns", '{"message":{"data":{"a":"b"}},"messages_per_minute":%s}'),
                ("/api/push", '{"notifications":[{"tokens":["t"],"platform":2,"message":"m","time_to_live":%s}]}'),
                ("messages", '{"message":{"android":{"ttl":%s}},"to":{"token":"t"}}'),
                ("messages", '{"message":{"apns":{"payload":{"a":{"b":[[%s]]}}},"token":7},"to":{"token":"t"}}'),
            ):
                with self.subTest(body=body, number=number_[:30]):
                    status, answer = self.server.call("POST", path, (body % number_).encode())
                    self.assertEqual(status, 400, answer)
        self.unharmed()

    def test_text_of_any_kind_comes_back_as_it_was(self):
        odd = "\u0000\u001f\u007f\u202e\ufeff\uffff\U0001f9a0\u0301" + "%00%2e../\\\"';--"
        status, answer = self.server.call("POST", "messages", {**ONE, "labels": {odd: odd}})
        self.assertEqual(status, 202, answer)
        found = self.server.call("GET", f"messages/{answer['id']}")[1]
        self.assertEqual(found["labels"], {odd: odd})
        self.unharmed()

    def test_a_large_one_is_413_with_the_reason(self):
        large = b"x" * (3 * MEBIBYTE)
        piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        head = b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % POST
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        for data in (
            head + b"Content-Length: %d\r\n\r\n" % len(large) + large,
            head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(large),
            head + b"Content-Length: 18446744073709551615\r\n\r\n",
            chunked + b"%x\r\n" % len(large) + large + b"\r\n0\r\n\r\n",
            chunked + piece * 20,
        ):
            found = self.say(data)
            self.assertEqual(len(found), 1, found)
            error = self.refused(found[0], 413)
            self.assertIn("serve.max_body", error["remedy"])
        self.unharmed()

    def test_a_large_one_over_http2_is_413_with_or_without_a_length(self):
        for fields in ((), ((b"content-length", b"3000000"),)):
            client = self.client(http2=True)
            client.send(request(1, b"POST", POST, *fields, end=False))
            piece, sent = frame(DATA, 0, 1, bytes(16_000)), 0
            while sent < 1_100_000 and not client.closed:
                sent += 16_000
                client.send(piece)
            self.assertTrue(client.read_until(lambda c=client: self.data_of(c, 1)))
            self.assertEqual(json.loads(self.data_of(client, 1))["error"]["code"], 413)
        self.unharmed()

    @staticmethod
    def data_of(client, stream):
        return b"".join(p for kind, _, s, p in frames(client.received) if (kind, s) == (DATA, stream))

    def test_a_length_that_is_wrong_costs_the_stream(self):
        client = self.client(http2=True)
        for stream, length in ((1, b"5"), (3, b"1")):
            client.send(request(stream, b"POST", POST, (b"content-length", length), end=False))
            client.send(frame(DATA, END_STREAM, stream, b"{}"))
        client.send(request(5, b"POST", POST, (b"content-length", b"-1")))
        client.send(request(7, b"POST", POST, (b"content-length", b"0"), (b"content-length", b"0")))
        client.send(request(9, b"GET", b"/livez"))
        client.read_until(lambda: any(f[0] == HEADERS and f[2] == 9 for f in frames(client.received)))
        resets = {f[2] for f in frames(client.received) if f[0] == RST_STREAM}
        self.assertEqual(resets, {1, 3, 5, 7})
        self.unharmed()


class Paths(Hostile):
    def test_numbers_of_things_that_can_not_be(self):
        for letter in ("-9223372036854775808", "0", "-1", "1x", "99999999999999999999", "%31%30x"):
            path = f"/v1/webhooks/wh-1/dead-letters/{letter}:replay"
            self.assertEqual(self.server.call("POST", path, {})[0], 404)
        self.unharmed()

    def test_tricks_lead_nowhere(self):
        long = "/v1/projects/demo/messages/" + "m" * 60_000
        for path in (
            "/v1/projects/demo/../demo/books", "/v1/projects/./demo/books", "/../../etc/passwd",
            "/v1/projects/%2e%2e/books", "/v1/projects/demo/%2e/books", "/v1/projects/demo/%2E%2e%2fbooks",
            "/v1/projects/demo%2fbooks", "/v1%2fprojects%2fdemo%2fbooks", "/v1/projects/demo/books%00",
            "/v1/projects/de%00mo/books", "/v1/projects/demo/messages/m-1%00", "/v1/projects/demo/books%0d%0aX:y",
            "/v1/projects/%252e%252e/books", "/v1/projects/demo/%252e%252e/demo/books", "//v1/projects/demo/books",
            "/v1//projects/demo/books", "/v1/projects//books", "/v1/projects/demo/books/", "/v1/projects/demo/books;a=b",
            "/V1/projects/demo/books", "/v1/projects/demo\\..\\demo/books", "/v1/projects/%ff%fe/books",
            "/v1/projects/%c0%ae%c0%ae/books", "/v1/projects/%ed%a0%80/books", "/v1/projects/demo/books#x",
            "/v1/projects/%", "/v1/projects/%2", "/v1/projects/%zz", "/v1/projects/demo/messages/m-0",
            "/v1/projects/demo/messages/m--1", "/v1/projects/demo/messages/m-9223372036854775808",
            "/v1/projects/demo/messages/m-1e1", "/v1/projects/demo/messages/1", "/v1/projects/demo/campaigns/c--1",
            "/v1/projects/demo/messages?limit=%00", "/v1/projects/demo/devices?limit=1&limit=2",
            "/v1/projects/demo/devices?limit=-1", "/v1/projects/demo/devices?after=99999999999999999999999",
            "/v1/projects/demo/devices?filter=%ff", "/v1/projects/demo/devices?filter=" + "(" * 10_000,
            "/v1/projects/demo/devices?filter=" + "not%20" * 3_000 + "all", "/" + "a/" * 5_000, long,
            "*", "books", "http://evil.example/v1/projects/demo/../demo/books", "http://evil.example", "://", "/?" + "&" * 9_000,
        ):  # fmt: skip
            with self.subTest(path[:60]):
                head = b"HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                found = self.say(b"GET %s %s" % (path.encode(), head))
                self.assertEqual(len(found), 1, found)
                self.refused(found[0], 400, 403, 404, 405, 431)
        for path in (b"/v1/pro jects", b"/v1/\x00", b"/v1/\x7f", b"/v1/\xff", b"/v1/\t"):
            found = self.say(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
            self.refused(found[0], 400, 404)
        self.unharmed()

    def test_the_absolute_form_is_the_path_that_it_names(self):
        found = self.say(b"GET http://other.example/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual([answer[0] for answer in found], [200])
        self.unharmed()

    def test_parts_that_look_like_paths_are_only_names(self):
        device = "../../etc/passwd%00/\"'--\u202e" + TOKEN
        path = "devices/" + urllib.parse.quote(device.replace("%00", ""), safe="")
        self.assertIn(self.server.call("PUT", path, {"user": "u"})[0], (201, 400))
        self.assertIn(self.server.call("GET", path)[0], (200, 404))
        self.unharmed()

    def test_methods_that_are_none_are_refused(self):
        for method in (
            b"TRACE", b"PATCH", b"get", b"FOO", b"M-SEARCH", b"A" * 60_000, b"OPTIONS", b"PRI", b"CONNECT",
        ):  # fmt: skip
            for path in (b"/v1/projects/demo/books", b"/livez", b"*", b"/"):
                found = self.say(b"%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (method, path))
                if found:
                    self.refused(found[0], 400, 404, 405, 431)
        for method in (b"", b"G ET", b"\x00", b"G\xffT", b"(GET)"):
            found = self.say(b"%s /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" % method)
            self.refused(found[0], 400)
        self.unharmed()


class Smuggling(Hostile):
    SECOND = b"GET /livez HTTP/1.1\r\nHost: b\r\n\r\n"

    def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(self):
        post = b"POST /v1/projects/demo/messages HTTP/1.1\r\nHost: localhost\r\n"
        chunked = b"0\r\n\r\n"
        for name, data in {
            "length and coding": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
            "coding and length": post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunked,
            "two lengths": post + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "two lengths in one": post + b"Content-Length: 0, 5\r\n\r\n",
            "a length with a sign": post + b"Content-Length: +0\r\n\r\n",
            "a negative length": post + b"Content-Length: -1\r\n\r\n",
            "a length in hex": post + b"Content-Length: 0x0\r\n\r\n",
            "a length beyond 64 bits": post + b"Content-Length: 18446744073709551616\r\n\r\n",
            "an empty length": post + b"Content-Length: \r\n\r\n",
            "two codings": post + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked,
            "two codings in two fields": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
            "an unknown coding": post + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked,
            "a coding in quotes": post + b'Transfer-Encoding: "chunked"\r\n\r\n' + chunked,
            "a coding behind a vertical tab": post + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + chunked,
            "gzip first": post + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked,
            "a blank before the colon": post + b"Content-Length : 0\r\n\r\n",
            "a folded field": post + b"X: y\r\n Content-Length: 0\r\n\r\n",
            "a folded length": post + b"Content-Length:\r\n 0\r\n\r\n",
            "a folded first field": b"POST / HTTP/1.1\r\n Host: localhost\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            "bare line feeds": b"POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
            "a bare line feed": post + b"X: y\nContent-Length: 0\r\n\r\n",
            "a bare carriage return": post + b"X: y\rContent-Length: 0\r\n\r\n",
            "a nul in a value": post + b"X: y\x00z\r\nContent-Length: 0\r\n\r\n",
            "a nul in a name": post + b"X\x00: y\r\nContent-Length: 0\r\n\r\n",
            "no host": b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "two hosts": post + b"Host: b\r\nContent-Length: 0\r\n\r\n",
            "a field without colon": post + b"Content-Length\r\n\r\n",
            "a field without name": post + b": 0\r\n\r\n",
            "another version": b"POST / HTTP/3.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            "a version that is none": b"POST / HTTP/1.10\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            "no version": b"POST /\r\n\r\n",
            "a chunk of negative size": post + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
            "a chunk of huge size": post + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            "a chunk size in 0x": post + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
            "a chunk with a bare line feed": post + b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
            "a chunk that is longer": post + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        }.items():  # fmt: skip
            with self.subTest(name):
                found = self.say(data + self.SECOND)
                self.assertEqual(len(found), 1, found)
                error = self.refused(found[0], 400, 413, 501)
                self.assertEqual(found[0][1].get("connection"), "close", error)
        self.unharmed()

    def test_lengths_that_agree_are_one(self):
        lengths = b"Content-Length: 2\r\nContent-Length: 2\r\n"
        data = b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n{}" % (POST, lengths)
        found = self.say(data + self.SECOND, count=2)
        self.assertIn([answer[0] for answer in found], ([400], [400, 200]))
        self.unharmed()

    def test_http2_takes_nothing_of_connections_into_requests(self):
        client = self.client(http2=True)
        bad = [
            ((b"transfer-encoding", b"chunked"),), ((b"connection", b"close"),), ((b"Host", b"a"),), ((b"x", b"a\r\nb: c"),),
            ((b"x\x00", b"y"),), ((b"x y", b"z"),), ((b"", b"z"),), ((b":path", b"/livez"),), ((b"te", b"gzip"),),
        ]  # fmt: skip
        for at, fields in enumerate(bad):
            client.send(request(2 * at + 1, b"GET", b"/livez", *fields))
        for at, path in enumerate((b"livez", b"", b"/livez\r\n", b"/ livez", b"http://a/livez")):
            client.send(request(101 + 2 * at, b"GET", path))
        client.send(request(201, b"GET", b"/livez"))
        client.read_until(lambda: any(f[0] == HEADERS and f[2] == 201 for f in frames(client.received)))
        heads = {f[2] for f in frames(client.received) if f[0] == HEADERS}
        self.assertEqual(heads, {201})
        self.unharmed()



class Slow(Hostile):
    def test_dribblers_block_nobody_and_are_given_up(self):
        """A header, a body and a body in chunks, none of which ever ends."""
        post = b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % POST
        crowd = []
        for _ in range(30):
            for begin, more in (
                (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", b"x"),
                (post + b"Content-Length: 4000000\r\n\r\n", b"{"),
                (post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
            ):
                client = self.client()
                client.send(begin)
                crowd.append((client, more))
        end = time.monotonic() + 30
        while (open_ := [each for each in crowd if not each[0].closed]) and time.monotonic() < end:
            for client, more in open_:
                client.send(more)
            self.answers_others()
        self.assertEqual(open_, [])
        self.unharmed()

    def test_one_that_sends_byte_by_byte_gets_its_answer(self):
        old = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        new = PREFACE + frame(SETTINGS) + request(1, b"GET", b"/livez")
        crowd = [(self.client(), data) for data in (old, new) * 20]
        for at in range(len(new)):
            for client, data in crowd:
                client.send(data[at : at + 1])
        for client, data in crowd:
            self.assertTrue(client.read_until(lambda c=client: b"ok\n" in c.received))
        self.unharmed()


class Crowds(Hostile):
    settings = {"FANFARE_SERVE_MAX_CONNECTIONS": "100"}

    def test_those_that_say_nothing_make_room(self):
        crowd = [self.client() for _ in range(300)]
        self.answers_others()
        self.unharmed()
        del crowd

    def test_those_that_have_been_served_make_room_too(self):
        """Each asks for what needs no key, and stays."""
        crowd = []
        for at in range(200):
            http2 = at % 2 == 0
            client = self.client(http2)
            ask = request(1, b"GET", b"/livez") if http2 else b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client.send(ask)
            self.assertTrue(client.read_until(lambda c=client: b"ok\n" in c.received))
            crowd.append(client)
        for _ in range(5):
            self.answers_others()
        self.unharmed()

    def test_those_that_never_end_a_request_make_room_too(self):
        crowd = []
        for _ in range(150):
            client = self.client(http2=True)
            client.send(request(1, b"GET", b"/livez"))
            self.assertTrue(client.read_until(lambda c=client: b"ok\n" in c.received))
            client.send(request(3, b"POST", POST, end=False) + frame(DATA, 0, 3, b"{"))
            crowd.append(client)
        self.answers_others()
        self.unharmed()

    def test_those_that_come_and_go(self):
        for at in range(1_000):
            with Client(self.server) as client:
                client.send(b"GET /li" if at % 2 else PREFACE)
        self.unharmed()


class Floods(Hostile):
    """HTTP/2 that costs the caller less than the gateway."""

    def flood(self, data, times=1, begin=b""):
        client = self.client(http2=True)
        client.send(begin)
        for _ in range(times):
            if client.closed or not client.send(data):
                break
            self.answers_others()
        client.finish()
        self.unharmed()
        return client

    def test_rapid_resets(self):
        post = block(b"POST", POST)
        data = frame(DATA, END_STREAM, 1, json.dumps(ONE).encode())[9:]
        flood = b"".join(
            frame(HEADERS, END_HEADERS, stream, post) + frame(DATA, END_STREAM, stream, data)
            + frame(RST_STREAM, 0, stream, number(8))
            for stream in range(1, 100_001, 2)
        )  # fmt: skip
        client = self.flood(flood)
        self.assertIn(ENHANCE_YOUR_CALM, client.goaways() + [ENHANCE_YOUR_CALM] * client.closed)

    def test_settings_and_pings(self):
        self.flood(frame(SETTINGS, payload=struct.pack(">HI", 4, 65_535)) * 100_000)
        self.flood(frame(PING, payload=b"12345678") * 100_000)

    def test_headers_that_never_end(self):
        begin = frame(HEADERS, 0, 1, block(b"GET", b"/livez"))
        part = frame(CONTINUATION, 0, 1, b"\x00\x01a\x7f\x81\x07" + b"x" * 1_024)
        client = self.flood(part * 10_000, begin=begin)
        self.assertTrue(client.goaways())
        client = self.flood(frame(CONTINUATION, 0, 1) * 100_000, begin=begin)
        self.assertTrue(client.goaways())

    def test_more_streams_than_are_allowed(self):
        flood = b"".join(request(stream, b"POST", POST, end=False) for stream in range(1, 20_001, 2))
        self.assertTrue(self.flood(flood).closed)
        self.assertTrue(self.flood(flood, begin=frame(SETTINGS, ACK)).goaways())

    def test_a_header_that_is_too_large_is_431(self):
        client = self.client(http2=True)
        client.send(request(1, b"GET", b"/livez", *[(b"x", b"y" * 10_000)] * 1))
        large = block(b"GET", b"/livez", *[(b"x", b"y" * 7_000)] * 10)
        parts = [large[at : at + 16_000] for at in range(0, len(large), 16_000)]
        client.send(frame(HEADERS, END_STREAM, 3, parts[0]))
        for part in parts[1:-1]:
            client.send(frame(CONTINUATION, 0, 3, part))
        client.send(frame(CONTINUATION, END_HEADERS, 3, parts[-1]))
        client.read_until(lambda: b'"code":431' in client.received)
        self.assertIn(b'"code":431', client.received)
        found = self.say(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n")
        self.refused(found[0], 431)
        self.unharmed()

    def test_fields_that_are_one_byte_on_the_wire(self):
        """Each request is below every limit of its bytes, and none ever ends."""
        begin = request(1, b"GET", b"/livez") + frame(SETTINGS, ACK)
        named = b"\x02\x04POST\x86\x04" + short(POST) + b"\x01\x01a"
        for _ in range(4):
            client = self.client(http2=True)
            client.send(begin + frame(HEADERS, END_HEADERS, 3, named + b"\x40\x01a\x00"))
            for stream in range(5, 200, 2):
                many = named + b"\xbe" * 60_000
                parts = [many[at : at + 16_000] for at in range(0, len(many), 16_000)]
                client.send(frame(HEADERS, 0, stream, parts[0]))
                for part in parts[1:-1]:
                    client.send(frame(CONTINUATION, 0, stream, part))
                client.send(frame(CONTINUATION, END_HEADERS, stream, parts[-1]))
            self.answers_others()
        self.unharmed()


class Memory(Hostile):
    """What the gateway holds for others while they are slow has a bound for all together."""

    settings = {"FANFARE_SERVE_MAX_BUFFERED": "32MiB"}

    def send_bodies(self, client, streams, size):
        """`size` bytes of a body that does not end on each of so many streams, as windows allow."""
        for stream in streams:
            client.send(request(stream, b"POST", POST, end=False))
        room = {stream: 65_535 for stream in (0, *streams)}
        left = dict.fromkeys(streams, size)
        parsed = 0
        while left and not client.closed:
            for kind, _, stream, payload in frames(client.received[parsed:]):
                parsed += 9 + len(payload)
                if kind == WINDOW_UPDATE:
                    room[stream] = room.get(stream, 0) + struct.unpack(">I", payload)[0]
                elif kind == SETTINGS and payload:
                    for name, value in struct.iter_unpack(">HI", payload):
                        for stream_ in streams if name == 4 else ():
                            room[stream_] += value - 65_535
            sent = False
            for stream in list(left):
                count = min(room[0], room[stream], left[stream], 16_000)
                if count <= 0:
                    continue
                if not client.send(frame(DATA, 0, stream, bytes(count))):
                    return
                sent = True
                room[0] -= count
                room[stream] -= count
                left[stream] -= count
                if left[stream] == 0:
                    del left[stream]
            if not sent:
                size_before = len(client.received)
                if not client.read_until(lambda: len(client.received) > size_before, seconds=10):
                    return

    def test_bodies_that_never_end(self):
        clients = []
        for _ in range(3):
            client = self.client(http2=True)
            clients.append(client)
            self.send_bodies(client, range(1, 101, 2), 2 * MEBIBYTE)
            self.answers_others()
        self.unharmed()
        self.assertTrue(any(client.closed for client in clients))

    def test_bodies_that_never_end_on_many_connections(self):
        crowd = []
        for at in range(100):
            client = self.client()
            client.send(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n" % POST)
            client.send(b"x" * 2 * MEBIBYTE)
            crowd.append(client)
            if at % 20 == 0:
                self.answers_others()
        self.unharmed()

    def test_answers_that_are_never_fetched(self):
        """No window is ever opened, and each answer is large."""
        crowd = []
        ask = b"".join(request(stream, b"GET", b"/openapi.json") for stream in range(1, 201, 2))
        for at in range(30):
            client = self.client(http2=True)
            client.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 0)) + frame(SETTINGS, ACK) + ask)
            answered = lambda c=client: sum(f[0] == HEADERS for f in frames(c.received)) >= 50
            client.read_until(answered, seconds=5)
            crowd.append(client)
            if at % 10 == 0:
                self.answers_others()
        self.unharmed()

    def test_answers_that_are_never_read(self):
        """The window is as wide as can be, and nothing is read."""
        wide = frame(SETTINGS, payload=struct.pack(">HI", 4, 0x7FFFFFFF))
        wide += frame(WINDOW_UPDATE, payload=number(0x7FFF0000))
        ask = b"".join(request(stream, b"GET", b"/openapi.json") for stream in range(1, 201, 2))
        crowd = []
        for at in range(30):
            client = self.client(http2=True)
            client.send(wide + frame(SETTINGS, ACK) + ask, read=False, patience=5)
            crowd.append(client)
            if at % 10 == 0:
                self.answers_others()
        self.unharmed(growth=192 * MEBIBYTE)  # Twice what one of them asked for, beside the bound.

    def test_pipelined_requests_for_answers_that_are_never_read(self):
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000
        crowd = []
        for _ in range(30):
            client = self.client()
            client.send(ask, read=False, patience=0.1)
            crowd.append(client)
        self.unharmed()


    def test_more_under_way_than_may_be_is_503(self):
        """Bodies of blanks, mostly, to an FCM that takes its time."""
        self.emulator_.fault(latency_ms=2_000)
        body = b" " * (4 * MEBIBYTE - 1_000) + json.dumps({"message": {**MESSAGE, "token": TOKEN}}).encode()
        found = []

        def post():
            found.append(self.server.call("POST", "messages:send", body))

        threads = [threading.Thread(target=post) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [status for status, _ in found]
        self.assertEqual(set(statuses), {200, 503}, statuses)
        refused = next(answer for status, answer in found if status == 503)
        self.assertIn("serve.max_buffered", refused["error"]["remedy"])
        self.emulator_.fault(latency_ms=0)
        self.unharmed()


class Batches(Hostile):
    def test_many_large_batches_at_once(self):
        """Each is within its limits, and all of them are below those of all together."""
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
        body = json.dumps({"message": MESSAGE, "send_at": later,
                           "to": [{"token": f"{TOKEN}{at:06}"} for at in range(10_000)]}).encode()  # fmt: skip
        statuses = []

        def post():
            statuses.append(self.server.call("POST", "messages", body)[0])

        threads = [threading.Thread(target=post) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {202})
        self.unharmed(growth=512 * MEBIBYTE)

    def test_bodies_of_very_many_values(self):
        """As large as a body may be, and hardly anything but values."""
        numbers = b'{"message":{"apns":{"payload":{"a":[' + b"0," * 2_000_000 + b"0]}}}}"
        objects = b'{"a":[' + b"{}," * 1_300_000 + b"{}]}"
        names = b"{" + b",".join(b'"%x":0' % at for at in range(380_000)) + b"}"
        same = b'{"data":{' + b",".join(b'"%x":""' % at for at in range(350_000)) + b"}}"
        for body in (numbers, objects, names, same):
            self.assertLess(len(body), 4 * MEBIBYTE)
            for path in ("messages", "messages:send", "devices", "devices:bulk", "/api/push"):
                begun = time.monotonic()
                self.assertEqual(self.server.call("POST", path, body)[0], 400)
                self.assertLess(time.monotonic() - begun, AT_ONCE_SECONDS)
        self.unharmed()

    def test_one_that_is_too_many_is_refused_as_a_whole(self):
        token = {"token": "t" * 20}
        for path, body, field in (
            ("messages", {"message": MESSAGE, "to": [token] * 10_001}, "to"),
            ("messages", {"message": MESSAGE, "to": [token] * 100_000}, "to"),
            ("messages", {"messages": [{"message": {}, "to": token}] * 60_000}, "messages"),
            ("messages", {"message": MESSAGE, "to": [{"user": "nobody"}] * 100_000}, "to"),
            ("/api/push", {"notifications": [{"tokens": ["t"] * 10_001, "message": "m", "platform": 2}]}, None),
            ("/api/push", {"notifications": [{"tokens": ["t"] * 9_000, "message": "m", "platform": 2}] * 20}, "notifications"),
            ("/api/push", {"notifications": [{"tokens": ["t"], "message": "m"}] * 60_000}, "notifications"),
            ("/api/push", {"notifications": [{"tokens": [""], "message": "m"}]}, None),
            ("devices:bulk", {"devices": [token] * 10_001}, "devices"),
            ("devices:bulk", {"devices": [token] * 100_000}, "devices"),
        ):  # fmt: skip
            with self.subTest(path, body=str(body)[:60]):
                begun = time.monotonic()
                text = json.dumps(body, separators=(",", ":")).encode()
                status, answer = self.server.call("POST", path, text)
                self.assertEqual(status, 400, str(answer)[:300])
                if field:
                    self.assertEqual(answer["error"]["field"], field)
                self.assertLess(time.monotonic() - begun, AT_ONCE_SECONDS)
        self.unharmed()
        self.assertLess(self.server.books()["accepted"], 1_000)

    def test_users_with_many_devices_count_as_their_devices(self):
        devices = [{"token": f"{TOKEN}{at}", "user": "u"} for at in range(200)]
        self.assertEqual(self.server.call("POST", "devices:bulk", {"devices": devices})[0], 200)
        body = {"message": MESSAGE, "to": [{"user": "u"}] * 10_000}
        status, answer = self.server.call("POST", "messages", body)
        self.assertEqual(status, 400, answer)
        self.assertIn("devices", answer["error"]["message"])
        self.unharmed()

    def test_labels_have_a_bound_everywhere(self):
        labels = {"a": "b" * 1_000_000}
        message = {"data": {"a": "b"}}
        for path, body in (
            ("messages", {**ONE, "labels": labels}),
            ("campaigns", {"message": message, "labels": labels, "draft": True}),
        ):
            status, answer = self.server.call("POST", path, body)
            self.assertEqual((status, answer["error"]["field"]), (400, "labels"), path)
        self.unharmed()

    def test_many_idempotency_keys(self):
        before = self.server.memory("VmRSS")
        client = self.client(http2=True)
        body = json.dumps(ONE).encode()
        for batch in range(30):
            streams = range(200 * batch + 1, 200 * batch + 201, 2)
            for stream in streams:
                key = b"k" * 200 + str(stream).encode()
                client.send(request(stream, b"POST", POST, (b"idempotency-key", key), end=False)
                            + frame(DATA, END_STREAM, stream, body))  # fmt: skip
            done = lambda: len({f[2] for f in frames(client.received) if f[0] == DATA}) >= 100
            self.assertTrue(client.read_until(done))
            client.received.clear()
            client.send(frame(WINDOW_UPDATE, payload=number(1 << 20)))
        self.assertLess(self.server.memory("VmRSS") - before, 48 * MEBIBYTE)
        self.unharmed()

    def test_headers_that_are_kept_are_text(self):
        for name, value, status in (
            (b"Idempotency-Key", b"\xff\xfe", 400), (b"Idempotency-Key", b"k" * 257, 400),
            (b"Idempotency-Key", b"a\x01b", 400), (b"Idempotency-Key", b"k", 202),
            (b"traceparent", b"\xff\xfe", 202), (b"traceparent", b'"\\\x01', 202), (b"x-request-id", b"\xff", 202),
            (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 202),
        ):  # fmt: skip
            with self.subTest(name=name, value=value[:10]):
                body = json.dumps(ONE).encode()
                found = self.say(
                    b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s"
                    % (POST, name, value, len(body), body)
                )
                if found[0][0] == 400:
                    self.refused(found[0], 400)
                self.assertIn(found[0][0], (status, 400))
                if found[0][0] == 202:
                    answer = json.loads(found[0][2])
                    kept = self.server.call("GET", f"messages/{answer['id']}")[1]
                    self.assertIsInstance(kept, dict)
                    self.assertNotIn("\ufffd", json.dumps(kept))
        self.unharmed()


class WithKeys(Hostile):
    settings = {"FANFARE_SERVE_REQUIRE_KEYS": "true"}

    def prepare(self):
        self.good = self.make("send", "read")

    def make(self, *scopes, project=None, rate=None):
        options = [part for scope in scopes for part in ("--scope", scope)]
        options += ["--for-project", project] if project else []
        options += ["--requests-per-second", rate] if rate else []
        done = support.run("--store", self.folder / "fanfare.db", "keys", "add", "--name", "test", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def answers_others(self):
        begun = time.monotonic()
        headers = {"Authorization": f"Bearer {self.good}"}
        status, answer = self.server.call("POST", "messages", ONE, headers=headers)
        self.assertEqual(status, 202, answer)
        self.assertLess(time.monotonic() - begun, AT_ONCE_SECONDS)

    def ask(self, value, name=b"Authorization", path=b"/v1/projects/demo/books"):
        return self.say(b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\n\r\n" % (path, name, value))[0]


class Keys(WithKeys):
    def test_wrong_ones_are_401_and_tell_nothing(self):
        good = self.good.encode()
        said = set()
        for value in (
            b"", b"Bearer", b"Bearer ", b"Bearer  " + good, b"Basic " + good, good, b"bearer" + good,
            b"Bearer " + good[:-1], b"Bearer " + good + b"x", b"Bearer " + good[:10], b"Bearer " + good.upper(),
            b"Bearer " + good + b" ", b"Bearer " + good + b"\t" + b"x", b"Bearer ff_", b"Bearer ff_" + b"a" * 43,
            b"Bearer " + b"ff_" + b"x" * 60_000, b"Bearer ff_%00", b"Bearer ff_\xff\xfe", b"Bearer ff_' OR 1=1 --",
            b"Bearer " + good + b", Bearer " + good, b"Negotiate " + b"A" * 50_000, b"x" * 60_000,
        ):  # fmt: skip
            with self.subTest(value[:40]):
                answer = self.ask(value)
                if value.strip() == b"Bearer " + good:
                    self.assertEqual(answer[0], 200)
                    continue
                self.refused(answer, 401)
                self.assertEqual(answer[1]["www-authenticate"], "Bearer")
                self.assertNotIn(good[3:], answer[2])
                said.add(answer[2])
        self.assertLessEqual(len(said), 2)
        self.refused(self.ask(b"Bearer ff_" + b"x" * 200_000), 431)
        self.unharmed()

    def test_twenty_thousand_wrong_ones_leave_nothing_behind(self):
        for batch in range(20):
            data = b"".join(
                b"GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ff_%040d\r\n\r\n" % (batch * 1_000 + at)
                for at in range(1_000)
            )
            self.assertEqual({answer[0] for answer in self.say(data, count=1_000)}, {401})
        self.unharmed(growth=32 * MEBIBYTE)

    def test_no_path_shows_what_there_is_without_a_key(self):
        for path in (
            b"/v1/projects/demo", b"/v1/nothing", b"/v1/projects/%2e%2e", b"/metrics", b"/v1/keys", b"//livez",
        ):  # fmt: skip
            self.refused(self.ask(b"Bearer ff_wrong", path=path), 401)
        self.assertEqual(self.ask(b"Bearer ff_wrong", path=b"/livez")[0], 200)
        self.unharmed()


class BoundKeys(WithKeys):
    def prepare(self):
        super().prepare()
        self.slow = self.make("read", rate=3)
        self.reader = self.make("read")
        self.other = self.make("send", "read", "devices", "campaigns", "admin", project="other")

    def test_one_that_asks_too_often_is_told_when_to_come_again(self):
        data = b"GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % self.slow.encode()
        found = self.say(data * 300, count=300)
        self.assertGreater(sum(answer[0] == 429 for answer in found), 250)
        refused = next(answer for answer in found if answer[0] == 429)
        self.refused(refused, 429)
        self.assertGreaterEqual(int(refused[1]["retry-after"]), 1)
        self.unharmed()

    def test_what_a_key_may_not_is_403_by_every_way(self):
        def status(method, path, key, body=None):
            return self.server.call(method, path, body, headers={"Authorization": f"Bearer {key}"})[0]

        for method, path, body in (
            ("POST", "messages", ONE), ("POST", "messages:send", {"message": {"token": "t"}}), ("GET", "books", None),
            ("GET", "/v1/projects/demo", None), ("GET", "/v1/projects/%64emo/books", None), ("GET", "/v1/events", None),
            ("GET", "/v1/events?project=demo", None), ("GET", "devices", None), ("POST", "devices", {"token": "t"}),
            ("POST", "campaigns", {"message": MESSAGE}), ("GET", "campaigns", None), ("POST", "brake:release", {}),
            ("DELETE", "users/u", None),
        ):  # fmt: skip
            self.assertEqual(status(method, path, self.other, body), 403, path)
        # Belongs to no project, so that a key bound to one may not.
        for method, path, body in (
            ("GET", "/v1/keys", None), ("POST", "/v1/keys", {"name": "n", "scopes": ["admin"]}),
            ("DELETE", "/v1/keys/k-1", None), ("GET", "/v1/audit", None), ("GET", "/v1/webhooks", None),
            ("POST", "/v1/webhooks", {"url": "https://a.example/"}), ("DELETE", "/v1/webhooks/wh-1", None),
            ("GET", "/metrics", None),
        ):  # fmt: skip
            self.assertEqual(status(method, path, self.other, body), 403, path)
        push = {"notifications": [{"tokens": ["t"], "message": "m"}]}
        self.assertIn(status("POST", "/api/push", self.other, push), (403, 404))
        listed = self.server.call("GET", "/v1/projects", headers={"Authorization": f"Bearer {self.other}"})[1]
        self.assertEqual(listed, {"projects": []})
        for method, path in (
            ("POST", "messages"), ("DELETE", "users/u"), ("POST", "/v1/keys"), ("PUT", "devices/d"),
        ):  # fmt: skip
            self.assertEqual(status(method, path, self.reader, {}), 403, path)
        self.unharmed()


if __name__ == "__main__":
    unittest.main()

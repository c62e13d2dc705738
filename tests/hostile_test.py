"""Clients that want to hurt: whatever they send, the emulator answers others and stays small."""

import random
import select
import socket
import ssl
import struct
import time
import unittest

import support
from support import Case

MEBIBYTE = 1 << 20
GROWTH_LIMIT = 64 * MEBIBYTE
AT_ONCE_SECONDS = 5  # Far below the server's own time limits, far above a busy machine's delays.

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM = 3, 11

# HPACK: from the static table GET or POST, http, "/"; then :authority as a literal.
GET = b"\x82\x86\x84\x41\x01a"
POST = b"\x83\x86\x84\x41\x01a"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def headers(stream, block=GET, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def number(value):
    return struct.pack(">I", value)


def frames(received):
    """(kind, flags, stream, payload) of each whole frame."""
    at = 0
    while at + 9 <= len(received):
        size = int.from_bytes(received[at : at + 3], "big")
        kind, flags, stream = struct.unpack(">BBI", received[at + 3 : at + 9])
        if at + 9 + size > len(received):
            return
        yield kind, flags, stream, received[at + 9 : at + 9 + size]
        at += 9 + size


class Client:
    """A socket that never waits for a server that does not take what it sends."""

    def __init__(self, emulator, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", emulator.port), timeout=60)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.setblocking(False)
        self.received = bytearray()
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, read=True, patience=60):
        """All of it, or what goes until the server closes or takes no more for `patience` s."""
        rest = memoryview(data)
        while rest and not self.closed:
            try:
                rest = rest[self.socket.send(rest[:MEBIBYTE]) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                if not select.select([self.socket] if read else [], [self.socket], [], patience)[1]:
                    if not read or not self.take():
                        return False
            except OSError:
                self.closed = True
            if read:
                self.take()
        return not rest

    def take(self):
        """What is there to be read."""
        before = len(self.received)
        try:
            while some := self.socket.recv(MEBIBYTE):
                self.received += some
            self.closed = True
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.closed = True
        return len(self.received) - before

    def read_until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition() and not self.closed and time.monotonic() < end:
            select.select([self.socket], [], [], end - time.monotonic())
            self.take()
        return condition()

    def finish(self):
        """Says that nothing more comes, and waits until the server has heard everything."""
        if not self.closed:
            try:
                # Of TCP alone: SSLSocket's own would end decryption too.
                socket.socket.shutdown(self.socket, socket.SHUT_WR)
            except OSError:
                self.closed = True
        return self.read_until(lambda: self.closed)

    def goaways(self):
        return [
            struct.unpack(">I", payload[4:8])[0]
            for kind, _, _, payload in frames(self.received)
            if kind == GOAWAY
        ]


class Hostile(Case):
    tls = False

    def setUp(self):
        super().setUp()
        support.raise_open_file_limit()
        self.server = self.emulator(tls=self.tls)
        self.context = None
        if self.tls:
            self.context = ssl.create_default_context(cafile=self.server.ready["ca_file"])
        self.server.stats()
        self.before = self.server.memory("VmRSS")

    def client(self, http2=True):
        if http2 and self.context:
            self.context.set_alpn_protocols(["h2"])
        elif self.context:
            self.context.set_alpn_protocols(["http/1.1"])
        client = Client(self.server, self.context)
        self.addCleanup(client.socket.close)
        if http2:
            client.send(PREFACE + frame(SETTINGS))
        return client

    def assert_answers_others(self):
        begun = time.monotonic()
        self.server.stats()
        self.assertLess(time.monotonic() - begun, AT_ONCE_SECONDS)

    def assert_unharmed(self):
        self.assertIsNone(self.server.process.poll(), "the server is gone")
        self.assert_answers_others()
        self.assertLess(self.server.memory("VmHWM") - self.before, GROWTH_LIMIT)


class Floods(Hostile):
    """What costs the sender less than the server."""

    def flood(self, data, times=1, begin=b"", read=True):
        client = self.client()
        client.send(begin)
        for _ in range(times):
            if client.closed or not client.send(data, read=read):
                break
            self.assert_answers_others()
        client.finish()
        self.assert_unharmed()
        return client

    def test_pings(self):
        self.flood(frame(PING, payload=b"12345678") * 100_000, times=5)

    def test_pings_of_a_client_that_does_not_read(self):
        client = self.client()
        flood = frame(PING, payload=b"12345678") * 100_000
        while client.send(flood, read=False, patience=1):
            self.assert_answers_others()
        self.assert_unharmed()

    def test_settings(self):
        self.flood(frame(SETTINGS, payload=struct.pack(">HI", 4, 65_535)) * 100_000, times=3)

    def test_settings_that_change_the_table_size(self):
        self.flood(
            frame(SETTINGS, payload=struct.pack(">HIHI", 1, 0, 1, 4_294_967_295)) * 50_000, times=3
        )

    def test_empty_data(self):
        begin = headers(1, POST, END_HEADERS)
        self.flood(frame(DATA, 0, 1) * 100_000, times=10, begin=begin)

    def test_window_updates(self):
        self.flood(frame(WINDOW_UPDATE, payload=number(1)) * 100_000, times=5)

    def test_priorities(self):
        flood = b"".join(
            frame(PRIORITY, 0, stream, number(0) + b"\x10") for stream in range(1, 200_001, 2)
        )
        self.flood(flood)

    def test_unknown_frames(self):
        self.flood(frame(0x42, 0, 0, b"x" * 16_384) * 1_000, times=10)

    def test_unasked_pongs_and_settings_acknowledgements(self):
        self.flood(frame(PING, ACK, payload=b"draining") * 100_000 + frame(SETTINGS, ACK) * 100_000)

    def test_continuations(self):
        begin = headers(1, GET, 0)
        part = frame(CONTINUATION, 0, 1, b"\x10\x01a\x7f\x81\x07" + b"x" * 1_024)
        client = self.flood(part * 10_000, times=10, begin=begin)
        self.assertTrue(client.goaways())

    def test_empty_continuations(self):
        client = self.flood(frame(CONTINUATION, 0, 1) * 100_000, begin=headers(1, GET, 0))
        self.assertTrue(client.goaways())

    def test_rapid_resets(self):
        flood = b"".join(
            headers(stream) + frame(RST_STREAM, 0, stream, number(8))
            for stream in range(1, 200_001, 2)
        )
        client = self.flood(flood)
        self.assertIn(ENHANCE_YOUR_CALM, client.goaways() + [ENHANCE_YOUR_CALM] * client.closed)

    def test_malformed_requests(self):
        """Each makes the server reset a stream."""
        self.flood(b"".join(headers(stream, b"\x82") for stream in range(1, 200_001, 2)))

    def test_streams_that_make_the_server_reset_them(self):
        flood = b"".join(
            headers(stream, POST, END_HEADERS)
            + frame(WINDOW_UPDATE, 0, stream, number(0x7FFFFFFF))
            for stream in range(1, 200_001, 2)
        )
        self.flood(flood)

    def test_ten_thousand_streams_at_once(self):
        flood = b"".join(headers(stream, POST, END_HEADERS) for stream in range(1, 20_001, 2))
        self.flood(flood)
        client = self.flood(flood, begin=frame(SETTINGS, ACK))
        self.assertEqual(client.goaways(), [1])

    def test_header_bombs(self):
        """A field of 4,000 bytes put into the table once and named 16,000 times in each request."""
        begin = headers(1, GET + b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4_000)
        bomb = GET + b"\xbe" * 16_000
        flood = b"".join(headers(stream, bomb) for stream in range(3, 2_001, 2))
        self.flood(flood, begin=begin)

    def test_requests_of_a_client_that_does_not_read(self):
        client = self.client()
        client.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 0)))
        for stream in range(1, 200_001, 2):
            if not client.send(headers(stream), read=False, patience=1):
                break
        self.assert_unharmed()

    def test_pipelined_requests_of_a_client_that_does_not_read(self):
        client = self.client(http2=False)
        requests = b"GET /_emulator/stats HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000
        for _ in range(50):
            if not client.send(requests, read=False, patience=1):
                break
        self.assert_unharmed()


class FloodsOverTls(Floods):
    tls = True


class Bodies(Hostile):
    BODY_BYTES = 1 << 30
    PIECE = bytes(MEBIBYTE)

    def test_one_that_says_how_large_it_is(self):
        client = self.client(http2=False)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % self.BODY_BYTES)
        for _ in range(self.BODY_BYTES // MEBIBYTE):
            if not client.send(self.PIECE):
                break
        client.read_until(lambda: client.closed)
        self.assertIn(b" 413 ", bytes(client.received[:20]))
        self.assert_unharmed()

    def test_one_in_chunks(self):
        client = self.client(http2=False)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(self.BODY_BYTES // MEBIBYTE):
            if not client.send(b"%x\r\n%s\r\n" % (MEBIBYTE, self.PIECE)):
                break
        self.assertIn(b" 413 ", bytes(client.received[:20]))
        self.assert_unharmed()

    def test_one_chunk_header_without_end(self):
        client = self.client(http2=False)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=")
        for _ in range(200):
            if not client.send(b"x" * MEBIBYTE):
                break
        client.finish()
        self.assert_unharmed()

    def test_one_over_http2(self):
        """Read and dropped to its end, since the connection is for other requests too."""
        client = self.client()
        client.send(headers(1, POST, END_HEADERS))
        piece = frame(DATA, 0, 1, bytes(16_384))
        room = {0: 65_535, 1: 65_535}
        sent = parsed = 0
        while sent < self.BODY_BYTES and not client.closed:
            for kind, _, stream, payload in frames(client.received[parsed:]):
                parsed += 9 + len(payload)
                if kind == WINDOW_UPDATE:
                    room[stream] += struct.unpack(">I", payload)[0]
                elif kind == SETTINGS and payload:
                    windows = [v for k, v in struct.iter_unpack(">HI", payload) if k == 4]
                    room[1] += sum(windows) - 65_535
            count = min(room.values()) // 16_384
            if count == 0:
                size = len(client.received)
                client.read_until(lambda: len(client.received) > size)
                continue
            client.send(piece * count)
            sent += 16_384 * count
            for stream in room:
                room[stream] -= 16_384 * count
        self.assertFalse(client.closed)
        answers = [stream for kind, _, stream, _ in frames(client.received) if kind == HEADERS]
        self.assertEqual(answers, [1])
        client.send(frame(DATA, END_STREAM, 1) + headers(3))
        self.assertTrue(
            client.read_until(
                lambda: any(kind == HEADERS and s == 3 for kind, _, s, _ in frames(client.received))
            )
        )
        self.assert_unharmed()

    def test_one_over_http2_that_ignores_the_window(self):
        client = self.client()
        client.send(headers(1, POST, END_HEADERS))
        piece = frame(DATA, 0, 1, bytes(16_384)) * 64
        for _ in range(1_000):
            if not client.send(piece):
                break
        client.finish()
        self.assert_unharmed()

    def test_a_hundred_that_never_end(self):
        """On each of many connections as much as a stream may hold."""
        clients = [self.client() for _ in range(3)]
        for client in clients:
            for stream in range(1, 200, 2):
                client.send(headers(stream, POST, END_HEADERS))
                client.send(frame(DATA, 0, stream, bytes(16_000)) * 3)
        self.assert_unharmed()


class Crowds(Hostile):
    def test_two_thousand_idle_connections(self):
        crowd = [Client(self.server) for _ in range(2_000)]
        for client in crowd:
            self.addCleanup(client.socket.close)
        self.assert_unharmed()

    def test_two_thousand_that_have_begun_a_request(self):
        crowd = []
        for _ in range(2_000):
            client = Client(self.server)
            self.addCleanup(client.socket.close)
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nX: ")
            crowd.append(client)
        self.assert_unharmed()

    def test_slow_ones_block_nobody(self):
        request = b"GET /_emulator/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"
        http2 = PREFACE + frame(SETTINGS) + headers(1)
        beginnings = [request, http2] * 20
        crowd = [(Client(self.server), bytes_) for bytes_ in beginnings]
        for client, _ in crowd:
            self.addCleanup(client.socket.close)
        for at in range(max(map(len, beginnings))):
            for client, bytes_ in crowd:
                client.send(bytes_[at : at + 1])
            self.assert_answers_others()
        for client, bytes_ in crowd:
            if bytes_ is request:
                self.assertTrue(client.read_until(lambda c=client: b"200 OK" in c.received))
            else:
                self.assertTrue(
                    client.read_until(
                        lambda c=client: HEADERS in [f[0] for f in frames(c.received)]
                    )
                )
        self.assert_unharmed()

    def test_connections_that_come_and_go(self):
        for _ in range(3_000):
            with Client(self.server):
                pass
        self.assert_unharmed()


class Nonsense(Hostile):
    def ended_by(self, data, http2=True):
        client = self.client() if http2 else Client(self.server)
        client.send(data)
        client.finish()
        client.socket.close()
        return client

    def test_a_window_that_overflows(self):
        client = self.ended_by(frame(WINDOW_UPDATE, payload=number(0x7FFFFFFF)) * 2)
        self.assertEqual(client.goaways(), [FLOW_CONTROL_ERROR])
        client = self.ended_by(
            headers(1, POST, END_HEADERS) + frame(WINDOW_UPDATE, 0, 1, number(0x7FFFFFFF))
        )
        resets = [f[3] for f in frames(client.received) if f[0] == RST_STREAM]
        self.assertEqual(resets, [number(FLOW_CONTROL_ERROR)])
        self.assert_unharmed()

    def test_garbage(self):
        chance = random.Random(1)
        for beginning in (b"", b"\x16\x03\x01", PREFACE, PREFACE + frame(SETTINGS), b"GET / HTTP/1.1\r\n",
                          b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                          b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"):  # fmt: skip
            for _ in range(50):
                self.ended_by(beginning + chance.randbytes(chance.randrange(5_000)), http2=False)
        self.assert_unharmed()

    def test_garbage_in_frames(self):
        chance = random.Random(2)
        for _ in range(200):
            self.ended_by(
                b"".join(
                    frame(
                        chance.randrange(11),
                        chance.randrange(256),
                        chance.choice((0, 1, 1, 3, 2, 0x7FFFFFFF)),
                        chance.randbytes(chance.choice((0, 4, 5, 6, 8, 100))),
                    )
                    for _ in range(50)
                )
            )
        self.assert_unharmed()

    def test_endless_lines(self):
        for beginning, more in (
            (b"", b"x"),
            (b"GET /", b"x"),
            (b"GET / HTTP/1.1\r\n", b"x"),
            (b"GET / HTTP/1.1\r\nX: ", b"x"),
            (b"", b"\r\n"),
        ):
            client = self.client(http2=False)
            client.send(beginning)
            for _ in range(20):
                if not client.send(more * MEBIBYTE):
                    break
                self.assert_answers_others()
            client.finish()
        self.assert_unharmed()


class NonsenseOverTls(Nonsense):
    tls = True


if __name__ == "__main__":
    unittest.main()

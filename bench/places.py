"""Where a comparison sends to: the emulator, or nghttpd with an emulator beside it for OAuth.

The servers and this process stay on the first core, so that the second one is the client's alone;
with one core all share it, and only CPU time has a meaning.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import support  # noqa: E402

# What Google's front ends allow, and two official SDKs assume (docs/protocol.md).
STREAMS = 100
# As the emulator names a message, for nghttpd to answer with.
NAME = "0:1700000000000000%0123456789abcdef"


def cores():
    """(of the servers, of the client)."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[min(1, len(available) - 1)]


def fetch_access_token(emulator, folder):
    """With a person's login, which needs no signature; `folder` is the emulator's."""
    user = json.loads((folder / "authorized_user.json").read_text())
    form = {"grant_type": "refresh_token"}
    form |= {key: user[key] for key in ("client_id", "client_secret", "refresh_token")}
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{emulator.plain}/token", data=data) as answer:
        return json.load(answer)["access_token"]


class Place:
    """An HTTP/2 server over TLS that takes messages, and what a client needs to reach it."""

    def __init__(self, folder, token_chars):
        self.folder = pathlib.Path(folder)
        self.emulator = support.Emulator("--tls-dir", self.folder / "tls")
        self.emulator.fault(token_chars=token_chars)
        self.port = self.emulator.port
        ready = self.emulator.ready
        self.project = ready["project"]
        self.ca_file, self.credentials_file = ready["ca_file"], ready["credentials_file"]
        self.path = f"/v1/projects/{self.project}/messages:send"

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def options(self):
        """What points fanfare here."""
        return ["--endpoint", self.url, "--ca-file", self.ca_file,
                "--credentials", self.credentials_file]  # fmt: skip

    def environment(self):
        """What points any SDK here."""
        return {**support.CLEAN_ENVIRONMENT, **self.emulator.settings()}

    def access_token(self):
        return fetch_access_token(self.emulator, self.folder / "tls")

    def latest_message(self):
        return json.loads(self.emulator.get("/_emulator/messages?limit=1"))["messages"][0]["request"]

    def begin(self):
        """Sets the books to zero."""
        self.emulator.post("/_emulator/reset")

    def accepted(self):
        """What the server's books say since then; None when it keeps none."""
        stats = self.emulator.stats()
        balanced = stats["requests"] == sum(stats["answers"].values())
        return stats["accepted"] if balanced else -1

    def stop(self):
        self.emulator.stop()


class Nghttpd(Place):
    """Others' server: answers every message with the same file and keeps no books."""

    def __init__(self, folder, token_chars):
        super().__init__(folder, token_chars)
        self.port = free_port()
        served = self.folder / "served"
        file = served / self.path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"name": f"projects/{self.project}/messages/{NAME}"}) + "\n")
        key, certificate = self.certificate()
        self.process = subprocess.Popen(
            ["nghttpd", "-d", served, "-n", "1", "-m", str(STREAMS), str(self.port), key,
             certificate],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for_port(self.port)

    def certificate(self):
        """For this address and FCM's name, by the emulator's authority."""
        tls, key = self.folder / "tls", self.folder / "key.pem"
        request, certificate = self.folder / "request.pem", self.folder / "certificate.pem"
        extensions = self.folder / "extensions.txt"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:fcm.googleapis.com\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", "/CN=nghttpd")  # fmt: skip
        openssl("x509", "-req", "-in", request, "-CA", tls / "ca.pem", "-CAkey",
                tls / "ca-key.pem", "-CAcreateserial", "-days", "1", "-extfile", extensions,
                "-out", certificate)  # fmt: skip
        return key, certificate

    def environment(self):
        """FCM is here and the token endpoint there, which the emulator's own preload can't say."""
        preload = ROOT / "bench/node/redirect.js"
        return {
            **super().environment(),
            "NODE_OPTIONS": f"--require {preload}",
            "BENCH_FCM_PORT": str(self.port),
            "BENCH_OAUTH_PORT": str(self.emulator.port),
        }

    def begin(self):
        pass

    def accepted(self):
        return None

    def stop(self):
        self.process.terminate()
        self.process.wait()
        super().stop()


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for_port(port, seconds=10):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if time.monotonic() > end:
            raise RuntimeError(f"nothing listens on port {port} after {seconds} s")
        time.sleep(0.02)


@contextlib.contextmanager
def opened(server, binary, token_chars):
    """A running Place of the kind `server` names, gone with its folder at the end."""
    kind = {"emulator": Place, "nghttpd": Nghttpd}[server]
    support.FANFARE = str(binary)
    os.sched_setaffinity(0, {cores()[0]})
    folder = tempfile.mkdtemp(prefix="fanfare-compare-")
    place = kind(folder, token_chars)
    try:
        yield place
    finally:
        place.stop()
        shutil.rmtree(folder, ignore_errors=True)

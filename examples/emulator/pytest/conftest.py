"""One FCM emulator for the whole run of the tests, and this process pointed at it."""

import json
import os
import subprocess
import urllib.parse
import urllib.request

import pytest


class Emulator:
    """The emulator's interface for scripts, as far as these tests need it."""

    def __init__(self, url):
        self._url = url

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self._url}/_emulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)

    def new_phone(self, platform="android"):
        """Registers a device and gives its registration token."""
        return self.call("POST", "devices", {"platform": platform})["device"]

    def act(self, registration, action, **body):
        """offline, online, uninstall, expire, rotate, ..."""
        self.call("POST", f"devices/{urllib.parse.quote(registration, safe='')}/{action}", body)

    def inbox(self, registration, wait_s=10):
        """What the device got; waits for the first delivery, but not for ever."""
        query = urllib.parse.urlencode({"device": registration, "wait_s": wait_s})
        return self.call("GET", f"inbox?{query}")["deliveries"]

    def faults(self, **settings):
        """What goes wrong from now on; without arguments nothing does."""
        self.call("PUT", "faults", settings)


@pytest.fixture(scope="session")
def fcm(tmp_path_factory):
    command = [
        os.environ.get("FANFARE", "fanfare"), "emulate", "--port", "0", "--exit-with-parent",
        "--tls-dir", str(tmp_path_factory.mktemp("fcm")),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ready = json.loads(process.stdout.readline())  # Printed as soon as it listens.
    here = f"http://127.0.0.1:{ready['port']}"
    with pytest.MonkeyPatch.context() as patch:
        # What env.sh in that folder sets for a shell, as far as Python is concerned.
        for name, value in {
            "HTTPS_PROXY": here,
            "NO_PROXY": "localhost,127.0.0.1",
            "REQUESTS_CA_BUNDLE": ready["ca_file"],
            "GOOGLE_APPLICATION_CREDENTIALS": ready["credentials_file"],
        }.items():
            patch.setenv(name, value)
        yield Emulator(here)
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(fcm):
    fcm.faults()

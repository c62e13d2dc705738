"""The promises that take minutes to prove, and how each is proved. `bench/endurance` runs them.

Each proof starts its own emulator and looks at both sides: the client from outside and the server's
books. It gives Checks, one for each number that was promised.
"""

import collections
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import contenders
import measure
import places
from places import support

MB = 1_000_000


@dataclasses.dataclass
class Check:
    what: str
    wanted: str
    measured: str
    passed: bool


def at_most(what, limit, measured, form="{:,.2f}"):
    return Check(what, "≤ " + form.format(limit), form.format(measured), measured <= limit)


def at_least(what, limit, measured, form="{:,.2f}"):
    return Check(what, "≥ " + form.format(limit), form.format(measured), measured >= limit)


def exactly(what, wanted, measured):
    return Check(what, f"{wanted:,}", f"{measured:,}", wanted == measured)


# --- what the proofs stand on ---


class Ground:
    """The binary under test, a folder, and how much of everything."""

    def __init__(self, binary, folder, scale=1.0):
        self.binary, self.folder, self.scale = pathlib.Path(binary), pathlib.Path(folder), scale
        self.cores = sorted(os.sched_getaffinity(0))
        self.emulators = 0

    def scaled(self, amount):
        """A smaller scale is for trying a proof out, not for believing it."""
        return max(1, int(amount * self.scale))

    @contextlib.contextmanager
    def emulator(self, *options, cores=None, tls=None):
        """An emulator over TLS on a port of the system's choice; it may have only some cores, and
        the folder of another one."""
        self.emulators += 1
        support.FANFARE = str(self.binary)
        os.sched_setaffinity(0, cores or self.cores)
        try:
            folder = tls or self.folder / f"tls-{self.emulators}"
            emulator = support.Emulator("--tls-dir", folder, *options)
        finally:
            os.sched_setaffinity(0, self.cores)
        try:
            yield emulator
        finally:
            emulator.stop()

    @contextlib.contextmanager
    def emulator_beside_oauth(self, *options):
        """An emulator whose access tokens another one gives, as Google's do: then connections to
        its port are of messages alone."""
        folder, credentials = self.folder / "tls-of-two", self.folder / "credentials.json"
        with self.emulator(tls=folder):
            shutil.copyfile(folder / "credentials.json", credentials)
            with self.emulator(*options, tls=folder) as emulator:
                emulator.ready["credentials_file"] = str(credentials)
                yield emulator

    def fanfare(self, emulator, *command):
        return [self.binary, "--json", *emulator.send_options(), *command]

    def run(self, emulator, *command, cores=None, good=(0,)):
        """(the run from outside, what the command says of it)"""
        run = measure.run(self.fanfare(emulator, *command), support.CLEAN_ENVIRONMENT, 0,
                          {emulator.port}, cores or self.cores, good)  # fmt: skip
        return run, json.loads(run.output.splitlines()[-1])


class Poll:
    """The books of an emulator, looked at now and then from another thread."""

    def __init__(self, emulator, every=0.5):
        self.emulator, self.every = emulator, every
        self.samples = []  # (when, stats)
        self.news, self.ended = threading.Condition(), threading.Event()
        self.thread = threading.Thread(target=self.look_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def look_on(self):
        begun = time.monotonic()
        for number in range(1, sys.maxsize):
            sample = (time.monotonic(), self.emulator.stats())
            with self.news:
                self.samples.append(sample)
                self.news.notify_all()
            # By the clock, so that a slow answer does not make the next one later still.
            if self.ended.wait(max(0, begun + number * self.every - time.monotonic())):
                return

    def wait_until(self, is_so, seconds):
        """The first moment at which it was so; None when it is not within the time."""
        with self.news:
            if self.news.wait_for(lambda: self.samples and is_so(self.samples), seconds):
                return self.samples[-1][0]
        return None

    def rates(self, seconds):
        """(when, messages accepted a second in the `seconds` before)"""
        recent = collections.deque()
        for when, stats in self.samples:
            recent.append((when, stats["accepted"]))
            while when - recent[0][0] > seconds + self.every / 2:
                recent.popleft()
            span = when - recent[0][0]
            if span > seconds - self.every:
                yield when, (stats["accepted"] - recent[0][1]) / span

    def steady(self, seconds):
        """The rates without the beginning and the end, which are not all of such a span's work."""
        rates = [rate for _, rate in self.rates(seconds) if rate > 0]
        edge = math.ceil(seconds / self.every)
        return rates[edge:-edge] or [0]

    def longest_stall(self, devices):
        """The longest time without a device more that has its message, from the first until all
        have it."""
        longest, since, before = 0, None, 0
        for when, stats in self.samples:
            served = stats["accepted"] - stats["second_sends"]
            if served > before:
                since, before = when, served
            elif since is not None and before < devices:
                longest = max(longest, when - since)
        return longest


def import_fleet(ground, name, emulator, listed, count, healths):
    """A store with the first `count` devices of such health from the emulator's list."""
    chosen = ground.folder / f"{name}.csv"
    health = {token: row["health"] for token, row in emulator.devices().items()}
    left = count
    with open(listed) as lines, open(chosen, "w") as to:
        to.write(next(lines))
        for line in lines:
            if left > 0 and health[line.partition(",")[0]] in healths:
                to.write(line)
                left -= 1
    if left > 0:
        raise RuntimeError(f"the list has {left} devices too few")
    store = ground.folder / f"{name}.db"
    done = support.run("--store", store, "devices", "import", chosen, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"the import failed: {done.stderr}")
    return store


# --- the proofs ---

QUOTA = 600_000  # FCM's, messages a minute of a project.


def paced(ground):
    """10,000 messages a second, with FCM's latency, on next to nothing"""
    seconds = ground.scaled(60)
    with ground.emulator_beside_oauth("--latency", "80:20") as emulator, Poll(emulator, 1) as poll:
        # One lane carries many times that much, and each wakes up for itself.
        run, told = ground.run(emulator, "bench", "--rate", QUOTA, "--duration", seconds,
                               "--connections", 12, "--lanes", 1)  # fmt: skip
        books = emulator.stats()
    steady, wanted = poll.steady(10), QUOTA / 60
    return [
        at_least("messages/s, the least of 10 s", 0.98 * wanted, min(steady), "{:,.0f}"),
        at_most("messages/s, the most of 10 s", 1.02 * wanted, max(steady), "{:,.0f}"),
        at_most("connections to FCM", 12, run.connections, "{}"),
        at_most("share of a core, %", 8, 100 * run.cpu_s / run.wall_s),
        at_most("peak memory, MB", 48, run.peak_bytes / MB, "{:,.1f}"),
        exactly("refused", 0, told["refused"]),
        exactly("accepted by the books", told["accepted"], books["accepted"]),
    ]  # fmt: skip


def projects(ground):
    """100,000 messages a second, shared by ten projects"""
    seconds, count = ground.scaled(60), 10
    with ground.emulator("--any-project") as emulator, Poll(emulator, 1) as poll:
        run, told = ground.run(emulator, "bench", "--projects", count, "--rate", QUOTA,
                               "--duration", seconds, "--connections", 4, "--lanes", 1)  # fmt: skip
        books = emulator.stats()
    most = books["most_in_a_minute_by_project"]
    return [
        at_least("messages/s, all projects, median of 5 s", 0.98 * count * QUOTA / 60,
                 statistics.median(poll.steady(5)), "{:,.0f}"),
        exactly("projects seen by the server", count, len(most)),
        at_most("most in any minute of one", QUOTA, max(most.values()), "{:,}"),
        exactly("refused", 0, told["refused"]),
        exactly("accepted by the books", told["accepted"], books["accepted"]),
        Check("client's share of two cores, %", "", f"{50 * run.cpu_s / run.wall_s:.1f}", True),
        Check("median latency to the outcome, ms", "", f"{told['latency_p50_ms']:.1f}", True),
    ]  # fmt: skip


# In the first half: a message whose connection stalled is only known to be so after 15 s, and is
# tried again 10 s later, as FCM demands.
GOAWAY = [{"fault": fault, "share": 1 / 3_000}
          for fault in ("goaway_before", "goaway_after", "goaway_notice")]  # fmt: skip
REFUSED = [{"fault": "refused_stream", "share": 0.01}]


def unprocessed(ground):
    """GOAWAY and REFUSED_STREAM all the time: nothing lost, nothing twice"""
    return campaign(ground, GOAWAY + REFUSED, stalls=0)


def mishaps(ground):
    """The same, and one of eight connections stalls, three times"""
    devices = ground.scaled(1_000_000)
    stalls = [{"fault": "slow_reader", "after_requests": int(part * devices), "times": 1}
              for part in (0.1, 0.3, 0.5)]  # fmt: skip
    return campaign(ground, GOAWAY + REFUSED + stalls, len(stalls))


def campaign(ground, rules, stalls):
    devices, listed = ground.scaled(1_000_000), ground.folder / "listed.csv"
    # Some of the list are sick, and a few of those cut connections: a mishap too many here.
    with ground.emulator("--generate", math.ceil(devices / 0.9), "--write-devices", listed,
                         "--latency", "40:20") as emulator:  # fmt: skip
        store = import_fleet(ground, "living", emulator, listed, devices, {"living"})
        emulator.fault(rules=rules)
        with Poll(emulator) as poll:
            run, told = ground.run(
                emulator, "--store", store, "send", "--title", "Hello", "--audience", "all",
                "--rate", 0, "--connections", 8, good=(0, 1),
            )  # fmt: skip
        books = emulator.stats()
        unserved = sum(row["accepted"] == "0" and row["health"] == "living"
                       for row in emulator.devices().values())  # fmt: skip
    store.unlink()
    answers = books["answers"]
    struck = {kind: count for kind, count in answers.items() if not kind.startswith("200")}
    beyond = unserved - (books["devices_by_health"]["living"] - devices)
    return [
        exactly("devices accepted", devices, told["accepted"]),
        exactly("devices without a message", 0, beyond),
        # Only of the requests on a connection that stalled can nobody know.
        at_most("second messages", places.STREAMS * stalls, books["second_sends"], "{:,}"),
        at_most("longest stall, s", 15, poll.longest_stall(devices)),
        exactly("connections stalled", stalls, sum(
            count for kind, count in answers.items() if "slow_reader" in kind)),
        Check("messages/s", "", f"{devices / run.wall_s:,.0f}", True),
        Check("what else was answered", "", json.dumps(struck), True),
    ]  # fmt: skip


def pace_oracle(ground):
    """The quota is used to 98 % and never exceeded, in any 60 s wherever they begin"""
    seconds = max(130, ground.scaled(200))
    with ground.emulator("--latency", "80:20") as emulator, Poll(emulator, 1) as poll:
        _, told = ground.run(emulator, "bench", "--rate", QUOTA, "--duration", seconds,
                             "--connections", 12)  # fmt: skip
        books = emulator.stats()
    first = poll.samples[0][0]
    begun = next(when for when, stats in poll.samples if stats["requests"] > 0)
    steady = [stats["per_minute"] for when, stats in poll.samples
              if begun + 61 <= when <= first + seconds - 1]  # fmt: skip
    return [
        at_most("most in any minute", QUOTA, books["most_in_a_minute"], "{:,}"),
        at_least("least in a minute, once steady", 0.98 * QUOTA, min(steady), "{:,}"),
        exactly("refused", 0, told["refused"]),
    ]


def throttled(ground):
    """429 for five seconds: slower within one answer, back within two minutes"""
    return throttle(ground, retry_after=5)


def throttled_silently(ground):
    """The same 429 without a Retry-After, for which FCM asks to wait a minute"""
    return throttle(ground, retry_after=None)


def throttle(ground, retry_after):
    rate, latency_s = QUOTA / 60, 0.1
    with ground.emulator("--latency", "80:20") as emulator, Poll(emulator, 0.25) as poll:
        command = ground.fanfare(emulator, "bench", "--rate", QUOTA, "--duration", 600,
                                 "--connections", 12)  # fmt: skip
        client = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                  env=support.CLEAN_ENVIRONMENT)  # fmt: skip
        try:
            if poll.wait_until(lambda s: s[-1][1]["accepted"] > 20 * rate, 60) is None:
                raise RuntimeError("the rate was never reached")
            # For five seconds from the first request on, by the emulator's own clock.
            rule = {"fault": "quota_429", "lasts_s": 5}
            if retry_after is not None:
                rule["retry_after"] = retry_after
            emulator.fault(rules=[rule])
            begun = time.monotonic()
            ended = begun + 5
            back = poll.wait_until(
                lambda s: s[-1][0] > ended + 1 and recent_rate(s, 5, ended) >= 0.95 * rate, 180
            )
        finally:
            client.terminate()
            client.wait()
        books = emulator.stats()
    refused = books["answers"].get("429", 0)
    least = min((rate for when, rate in poll.rates(1) if when > begun + 1.5), default=0)
    return [
        # What was under way when the first one came; a fifth more for a busy machine.
        at_most("answers 429", 1.2 * rate * latency_s, refused, "{:,.0f}"),
        at_least("answers 429", 1, refused, "{:,.0f}"),
        at_most("messages/s, the slowest second", 0.5 * rate, least, "{:,.0f}"),
        at_most("back to 95 % after the last, s", 120, back - ended if back else math.inf),
        at_most("most in any minute", QUOTA, books["most_in_a_minute"], "{:,}"),
    ]  # fmt: skip


def recent_rate(samples, seconds, not_before):
    """Messages a second in the latest seconds; 0 while there are not so many yet."""
    latest, now = samples[-1]
    for when, stats in reversed(samples):
        if when < not_before:
            return 0
        if latest - when >= seconds:
            return (now["accepted"] - stats["accepted"]) / (latest - when)
    return 0


ALIKE = {"living", "unregistered", "malformed", "wrong_sender", "apns_disabled"}


def registry(ground):
    """The whole product: from a registry of a million, every result recorded"""
    long, rounds = ground.scaled(1_000_000), 3
    short, client, server = long // 10, ground.cores[-1:], ground.cores[:1]
    listed = ground.folder / "listed.csv"
    generate = ("--generate", math.ceil(long / 0.98), "--write-devices", listed)
    costs, ratios, shares, product, alone = [], [], [], [], []
    with ground.emulator(*generate, cores=server) as emulator:
        # Those that fail once and then live only measure how long one waits for them.
        stores = {count: import_fleet(ground, f"fleet-{count}", emulator, listed, count, ALIKE)
                  for count in (short, long)}  # fmt: skip
        for number in range(rounds):
            mine = difference(lambda n: send(ground, emulator, stores[n], n, client), short, long)
            theirs = h2load(ground, emulator, client, short, long)
            costs.append((mine.cpu_us, theirs.cpu_us))
            ratios.append(mine.cpu_us / theirs.cpu_us)
            print(f"round {number + 1}: fanfare send {mine.cpu_us:.2f} µs, h2load "
                  f"{theirs.cpu_us:.2f} µs", file=sys.stderr)  # fmt: skip
    with ground.emulator(*generate) as known, ground.emulator() as any_device:
        for number in range(rounds):
            mine = difference(lambda n: send(ground, known, stores[n], n, ground.cores),
                              short, long)  # fmt: skip
            only = difference(lambda n: bench(ground, any_device, n, ground.cores), short, long)
            product.append(mine.messages_per_s)
            alone.append(only.messages_per_s)
            shares.append(product[-1] / alone[-1])
            print(f"round {number + 1}: fanfare send {product[-1]:,.0f}/s, client alone "
                  f"{alone[-1]:,.0f}/s", file=sys.stderr)  # fmt: skip
    mine, theirs = (statistics.median(column) for column in zip(*costs))
    return [
        at_most("CPU per message, of h2load's", 1.0, statistics.median(ratios)),
        at_least("messages/s on two cores, of the client's alone", 0.8, statistics.median(shares)),
        Check("CPU per message, µs", "", f"{mine:.2f}, h2load {theirs:.2f}", True),
        Check("messages/s on two cores", "", f"{statistics.median(product):,.0f}, client alone "
              f"{statistics.median(alone):,.0f}", True),
    ]  # fmt: skip


def difference(run_of, short, long):
    return measure.difference(run_of(short), run_of(long))


def send(ground, emulator, store, devices, cores):
    """To everybody in a copy of the store, since a send retires the dead."""
    copy = ground.folder / "sent.db"
    for path in ground.folder.glob("sent.db*"):
        path.unlink()
    shutil.copyfile(store, copy)
    emulator.post("/_emulator/reset")
    run, told = ground.run(
        emulator, "--store", copy, "send", "--title", "Hello", "--body", "b" * 60, "--audience",
        "all", "--rate", 0, "--connections", contenders.CONNECTIONS, cores=cores, good=(0, 1),
    )  # fmt: skip
    booked = emulator.stats()["accepted"]
    if told["accepted"] + told["retired"] != devices or told["accepted"] != booked:
        raise RuntimeError(f"not every device has a result; the books say {booked}: {run.output}")
    return dataclasses.replace(run, messages=devices)


def bench(ground, emulator, messages, cores):
    run, told = ground.run(emulator, "bench", "--messages", messages, "--connections",
                           contenders.CONNECTIONS, cores=cores)  # fmt: skip
    if told["accepted"] != messages:
        raise RuntimeError(f"not every message was accepted: {run.output}")
    return dataclasses.replace(run, messages=messages)


class Beside:
    """Where h2load sends to: what was sent here last, over and over."""

    def __init__(self, ground, emulator):
        self.folder, self.url = ground.folder, emulator.secure
        self.path = f"/v1/projects/{emulator.ready['project']}/messages:send"
        latest = json.loads(emulator.get("/_emulator/messages?limit=1"))["messages"][0]
        self.message = latest["request"]
        self.emulator, self.tls = emulator, pathlib.Path(emulator.ready["ca_file"]).parent

    def access_token(self):
        return places.fetch_access_token(self.emulator, self.tls)


def h2load(ground, emulator, cores, short, long):
    place = Beside(ground, emulator)

    def run_of(messages):
        run = measure.run(contenders.H2load().command(place, messages), support.CLEAN_ENVIRONMENT,
                          messages, {emulator.port}, cores)  # fmt: skip
        if contenders.H2load().accepted(run.output) != messages:
            raise RuntimeError(f"h2load: {run.output[-2000:]}")
        return run

    return difference(run_of, short, long)


ALL = {
    "paced": paced,
    "pace-oracle": pace_oracle,
    "throttled": throttled,
    "throttled-silently": throttled_silently,
    "projects": projects,
    "unprocessed": unprocessed,
    "mishaps": mishaps,
    "registry": registry,
}


@contextlib.contextmanager
def ground(binary, scale):
    folder = tempfile.mkdtemp(prefix="fanfare-endurance-")
    try:
        yield Ground(binary, folder, scale)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

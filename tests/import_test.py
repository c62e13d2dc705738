"""Devices in and out: files that break off, are hostile or come from elsewhere, and docs/importing.md."""

import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import unittest

import support
from support import Case, json_lines, run, run_json

RECIPES = support.ROOT / "docs/importing.md"
LARGEST_MEMORY_KIB = 512 << 10


class ImportCase(Case):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "fleet.db"

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def load(self, *arguments, store=None, **options):
        return run_json("--store", store or self.store, "devices", "import", *arguments, **options)

    def export(self, *arguments, store=None):
        done = run("--store", store or self.store, "devices", "export", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Rejects(ImportCase):
    def mend_and_import(self, file, broken, mended, *options):
        """Imports `file`, mends the rejects and imports them; gives the tokens of the store."""
        rejects = self.folder / "rejects"
        status, first, errors = self.load(file, "--rejects", rejects, *options)
        self.assertEqual(status, 0, errors)
        text = rejects.read_text()
        self.assertIn("line 3: ", text)
        for before, after in zip(broken, mended):
            self.assertIn(before, text)
            text = text.replace(before, after)
        rejects.write_text(text)
        status, second, errors = self.load(rejects, *options)
        self.assertEqual((status, second["bad_lines"]), (0, 0), errors + text)
        self.assertEqual(second["added"], first["bad_lines"])
        return sorted(self.states(self.store))

    def test_csv(self):
        file = self.write("a.csv", 'user,token,last_seen\nu,a,\nu,b,soon\n"u","c c",\n'
                                   'u,"d,\nu,e,\n"u\n2",f,never\n')  # fmt: skip
        tokens = self.mend_and_import(
            file, ["u,b,soon", '"u","c c",', 'u,"d,', '"u\n2",f,never'],
            ["u,b,2026-01-01", '"u","c",', "u,d,", "u,f,"],
        )  # fmt: skip
        self.assertEqual(tokens, list("abcdef"))

    def test_json_lines(self):
        file = self.write("a.jsonl", '{"token":"a"}\n{"token":"b"}\n{"token":"c"\n{"token":5.5}\n')
        tokens = self.mend_and_import(file, ['{"token":"c"\n', "5.5"], ['{"token":"c"}\n', '"d"'])
        self.assertEqual(tokens, list("abcd"))

    def test_plain_text(self):
        self.assertEqual(self.mend_and_import(self.write("a", "a\nb\nc c\n"), ["c c"], ["c"]),
                         list("abc"))  # fmt: skip

    def test_sql_dump(self):
        file = self.write("a.sql", "INSERT INTO `t` (token, user) VALUES\n('a','u'),\n"
                                   "('b,'u'),('c','u'),('d',now());\n")  # fmt: skip
        tokens = self.mend_and_import(file, ["('b,'u')", "now()"], ["('b','u')", "'now'"],
                                      "--table", "t")  # fmt: skip
        self.assertEqual(tokens, list("abcd"))

    def test_a_line_that_is_too_long_is_cut_and_says_so(self):
        file = self.write("a.csv", "token,note\na,x\nb," + "y" * (2 << 20) + "\n")
        rejects = self.folder / "rejects"
        status, counts, errors = self.load(file, "--rejects", rejects)
        self.assertEqual((status, counts["bad_lines"]), (0, 1), errors)
        self.assertLess(rejects.stat().st_size, 70_000)
        self.assertIn("it is cut: of its 2097154 bytes 65536 follow", rejects.read_text())


def many_rows(count):
    rows = (f"token-{i},user-{i % 997},ios,ko,news;x,1.{i % 7},2026-01-{i % 28 + 1:02}T00:00:00Z"
            for i in range(count))  # fmt: skip
    return "token,user,platform,locale,tags,app_version,last_seen\n" + "\n".join(rows) + "\n"


class Resume(ImportCase):
    def start(self, *arguments):
        return subprocess.Popen(
            [support.FANFARE, "--store", str(self.store), "devices", "import",
             *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip

    def wait_for_devices(self, process, count=1):
        """Until so many of an import are stored."""
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            done = run("--json", "--store", self.store, "devices", "stats")
            if done.returncode == 0 and json.loads(done.stdout)["total"] >= count:
                return
        self.fail("it was done, or stored nothing, before we looked")

    def stop_on_the_way(self, file, number):
        """Starts an import and sends a signal when some of it is stored; gives its status."""
        process = self.start(file)
        self.wait_for_devices(process)
        process.send_signal(number)
        self.output = process.communicate(timeout=60)
        return process.returncode

    def check_resumed(self, file, *options):
        before = len(self.export().splitlines()) - 1
        self.assertGreater(before, 0)
        status, counts, errors = self.load(file, "--resume", *options)
        self.assertEqual(status, 0, errors)
        whole = self.store.with_suffix(".whole.db")
        self.assertEqual(self.load(file, *options, store=whole)[0], 0)
        self.assertEqual(self.export(), self.export(store=whole))
        return before, counts

    def test_kill_9_and_resume_is_one_run(self):
        for name, text, options in (
            ("a.csv", many_rows(200_000), ()),
            ("a.sql", "INSERT INTO `t` (token, user) VALUES "
                      + ",".join(f"('token-{i}','u{i}')" for i in range(200_000)) + ";\n",
             ("--table", "t")),
        ):  # fmt: skip
            with self.subTest(name):
                self.store = self.folder / f"{name}.db"
                file = self.write(name, text)
                process = self.start(file, *options)
                self.wait_for_devices(process)
                process.kill()
                process.communicate()
                before, counts = self.check_resumed(file, *options)
                # Nothing that was stored is read again.
                self.assertEqual(before + counts["added"], 200_000)
                self.assertEqual(counts["updated"], 0)

    def test_an_interrupt_ends_with_status_4_and_says_how_to_go_on(self):
        file = self.write("a.csv", many_rows(300_000))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.store = self.folder / f"{number}.db"
                self.assertEqual(self.stop_on_the_way(file, number), 4, self.output)
                self.assertRegex(self.output[0], r"interrupted behind line [\d,]+: go on with the "
                                                 r"same command and --resume")  # fmt: skip
                # Without --resume it says so and begins at the start.
                done = run("--store", self.store, "devices", "import", file)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("was interrupted behind line", done.stderr)
                self.assertIn("begins at the start", done.stderr)
                # That one came to its end: nothing is left to resume.
                done = run("--store", self.store, "devices", "import", file, "--resume")
                self.assertIn("was interrupted; this one begins at the start", done.stderr)

    def test_a_file_that_has_changed_is_refused(self):
        file = self.write("a.csv", many_rows(300_000))
        self.assertEqual(self.stop_on_the_way(file, signal.SIGINT), 4)
        text = file.read_text()
        for changed in (text[:-100], text.replace("token-0,", "token-x,", 1)):
            file.write_text(changed)
            done = run("--store", self.store, "devices", "import", file, "--resume")
            self.assertEqual(done.returncode, 2)
            self.assertIn("has changed since its import was interrupted", done.stderr)
            self.assertIn("without --resume", done.stderr)
        # Lines that came behind do no harm.
        file.write_text(text + "token-new,u,ios,,,,\n")
        self.check_resumed(file)

    def test_standard_input_can_not_be_resumed(self):
        done = run("--store", self.store, "devices", "import", "-", "--resume", stdin="a\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("can't be resumed", done.stderr)
        self.assertFalse(self.store.exists())

    def test_an_interrupt_ends_an_import_that_waits_for_standard_input(self):
        process = subprocess.Popen(
            [support.FANFARE, "--store", str(self.store), "devices", "import", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        process.stdin.write(many_rows(20_000))
        process.stdin.flush()
        self.wait_for_devices(process, 15_000)
        # It has read all there is and sleeps in its next read.
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        deadline = time.monotonic() + 60
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "S" and time.monotonic() < deadline:
            pass
        process.send_signal(signal.SIGINT)
        # The pipe stays open: at its end the import would be complete.
        process.wait(timeout=60)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 4, output + errors)
        self.assertIn("what was read is stored", output)


class Carry(ImportCase):
    def test_a_store_with_its_history_is_the_same_elsewhere(self):
        emulator, devices = self.generated(2_000)
        self.load(devices)
        # Successions, in both orders, a change of owner, a person's words.
        self.load("-", stdin="token,device_id,user,last_seen\n"
                             "t1,d1,ann,2026-01-02\nt2,d1,ann,2026-01-03\nt0,d1,ann,2026-01-01\n"
                             "t2,d1,bob,2026-01-04\n")  # fmt: skip
        run("--store", self.store, *emulator.send_options(), "send", "--title", "x",
            "--audience", "all", "--ramp", 0, "--preflight-above", 0)  # fmt: skip
        run("--store", self.store, "devices", "retire", "t2")
        exported = self.export("--history")
        lines = json_lines(exported)
        self.assertGreater(sum(len(line["history"]) for line in lines), 100)
        self.assertTrue(any(line["last_accepted"] for line in lines))
        self.assertTrue(any("replaced_by" in line for line in lines))

        copy = self.folder / "copy.db"
        status, counts, errors = self.load("-", store=copy, stdin=exported)
        self.assertEqual((status, counts["added"]), (0, len(lines)), errors)
        self.assertEqual(self.export("--history", store=copy), exported)
        for store in (self.store, copy):
            done = run("--store", store, "devices", "history", "t2")
            self.assertIn("superseded", done.stdout)
        # Those that are known are merged as usual: nothing is new in them.
        status, counts, _ = self.load("-", store=copy, stdin=exported)
        self.assertEqual((counts["added"], counts["updated"]), (0, len(lines)))
        self.assertEqual(self.export("--history", store=copy), exported)

    def test_history_does_not_fit_into_csv(self):
        self.load("-", stdin="a\n")
        done = run("--store", self.store, "devices", "export", "--history", "--format", "csv")
        self.assertEqual(done.returncode, 2)
        self.assertIn("leave --format csv out", done.stderr)


class Hostile(ImportCase):
    """Each within bounds of time and memory, and with a word that says what it is."""

    def feed(self, pieces, *options, seconds=120, largest_kib=LARGEST_MEMORY_KIB, name="-"):
        """Imports bytes through a pipe; gives (status, counts or None, stderr)."""
        process = subprocess.Popen(
            [support.FANFARE, "--json", "--store", str(self.store), "devices", "import", str(name),
             *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=support.CLEAN_ENVIRONMENT,
        )  # fmt: skip
        said = {}
        readers = [threading.Thread(target=lambda n, f: said.update({n: f.read()}), args=(n, f))
                   for n, f in (("out", process.stdout), ("err", process.stderr))]  # fmt: skip
        for reader in readers:
            reader.start()
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        late.cancel()
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()
        self.assertIn(process.returncode, (0, 2), said["err"][-2_000:])
        self.assertLess(usage.ru_maxrss, largest_kib)
        counts = json.loads(said["out"]) if said["out"] else None
        return process.returncode, counts, said["err"].decode(errors="replace")

    def test_a_line_of_a_gigabyte(self):
        for first in (b"", b"token,user\n", b"{", b'token,user\na,"'):
            with self.subTest(first):
                pieces = [first, *[b"x" * (1 << 20)] * 1024, b"\ngood,u\n"]
                _, counts, errors = self.feed(pieces, largest_kib=200 << 10)
                self.assertIn("the line is longer than", errors)
                # Read as CSV, or as plain text where the header was lost in the line.
                self.assertEqual(counts["added"] + counts["updated"], 1, errors)

    def test_bytes_that_are_no_text(self):
        lines = [b"token,user\n", b"a\0b,u\n", b"c,\0\n", b"\xff\xfe,u\n", b"d,\xc3(\n",
                 b"e,ok\n", b"\x1b[2J,u\n"]  # fmt: skip
        status, counts, errors = self.feed(lines)
        self.assertEqual((status, counts["added"], counts["bad_lines"]), (0, 1, 5), errors)
        self.assertNotIn("\x1b", errors)
        self.assertNotIn("\0", errors)

    def test_a_header_of_a_million_columns(self):
        header = b"token," + b",".join(b"%d" % i for i in range(1_000_000)) + b"\n"
        row = b"a" + b"," * 1_000_000 + b"\n"
        _, counts, errors = self.feed([header, *[row] * 50])
        self.assertEqual(counts["added"], 0, errors)
        self.assertIn("the line is longer than", errors)
        # So many that they fit into a line.
        header = b"token" + b"," * 500_000 + b"\n"
        status, counts, errors = self.feed(
            [header, *[b"a%d" % i + b"," * 500_000 + b"\n" for i in range(100)], b"short\n"]
        )
        self.assertEqual((counts["added"], counts["bad_lines"]), (100, 1), errors)

    def test_a_million_empty_lines(self):
        status, counts, errors = self.feed([b"\n" * 1_000_000, b"a\n", b"\r\n" * 1_000_000])
        self.assertEqual((status, counts["added"], counts["bad_lines"]), (0, 1, 0), errors)

    def test_a_million_bad_lines(self):
        rejects = self.folder / "rejects"
        status, counts, errors = self.feed([b"a a\n" * 1_000_000, b"a\n"], "--rejects", rejects)
        self.assertEqual((counts["added"], counts["bad_lines"]), (1, 1_000_000))
        self.assertEqual(len(errors.splitlines()), 21)

    def test_deep_json(self):
        deep = b'{"token":"a","x":' + b"[" * 500_000 + b"]" * 500_000 + b"}\n"
        objects = b'{"x":' * 100_000 + b"1" + b"}" * 100_000 + b"\n"
        path = ",".join(["token=" + ".".join("x" * 1000)])
        status, counts, errors = self.feed([deep, objects, b'{"token":"b"}\n'])
        self.assertEqual((counts["added"], counts["bad_lines"]), (1, 2), errors)
        self.assertIn("JSON", errors)
        self.feed([objects], "--map", path)

    def test_archives_of_zeros(self):
        one = gzip.compress(bytes(64 << 20), 1)
        _, _, errors = self.feed([one * 48])  # 3 GB
        self.assertIn("no registration that can be read", errors)
        if not support.missing("zstd"):
            packed = subprocess.run(["zstd", "-q", "-c"], input=bytes(64 << 20),
                                    capture_output=True, check=True).stdout  # fmt: skip
            _, _, errors = self.feed([packed * 48])
            self.assertIn("no registration that can be read", errors)

    def test_archives_that_were_cut(self):
        text = many_rows(20_000).encode()
        archives = {"gz": gzip.compress(text)}
        if not support.missing("zstd"):
            archives["zst"] = subprocess.run(["zstd", "-q", "-c"], input=text,
                                             capture_output=True, check=True).stdout  # fmt: skip
        for kind, whole in archives.items():
            with self.subTest(kind):
                self.store = self.folder / f"{kind}.db"
                file = self.folder / f"a.{kind}"
                file.write_bytes(whole[: len(whole) // 2])
                done = run("--json", "--store", self.store, "devices", "import", file)
                self.assertEqual(done.returncode, 2)
                self.assertIn("breaks off: the file was cut", done.stderr)
                self.assertGreater(json.loads(done.stdout)["added"], 1_000)
                # Fetched again, it goes on where it broke off.
                file.write_bytes(whole)
                status, counts, errors = self.load(file, "--resume")
                self.assertEqual(status, 0, errors)
                self.assertEqual(len(self.export().splitlines()), 20_001)

    def test_hostile_dumps(self):
        table = ("--table", "t")
        pieces = [b"INSERT INTO `t` (token) VALUES ('", *[b"x" * (1 << 20)] * 1024, b"'),('a');\n"]
        _, counts, errors = self.feed(pieces, *table, largest_kib=200 << 10)
        self.assertEqual((counts["added"], counts["bad_lines"]), (1, 1), errors)
        _, counts, errors = self.feed([b"INSERT INTO `t` (token) VALUES ", b"('),(" * 400_000],
                                      *table)  # fmt: skip
        _, counts, errors = self.feed([b"COPY t (token) FROM stdin;\n", b"\\" * (4 << 20)], *table)
        self.assertLessEqual(counts["added"], 1)


class Recipes(ImportCase):
    """Every shell block of docs/importing.md, run in order in a folder with its own files."""

    def test_every_recipe_works_as_it_is_written(self):
        text = RECIPES.read_text()
        blocks = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        files = [(name, body) for _, name, body in blocks if name]
        scripts = [body for kind, name, body in blocks if kind == "sh" and not name]
        self.assertGreaterEqual(len(files), 4)
        self.assertGreaterEqual(len(scripts), 6)
        if absent := support.missing("jq"):
            self.skipTest(absent)
        for name, body in files:
            (self.folder / name).write_text(body)
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "fanfare").symlink_to(support.FANFARE)
        environment = {**support.CLEAN_ENVIRONMENT, "PATH": f"{tools}:{os.environ['PATH']}"}
        for script in scripts:
            commands, expected = [], []
            for line in script.splitlines():
                (expected if line.startswith("#> ") else commands).append(line)
            with self.subTest(script):
                for old in self.folder.glob("fanfare.db*"):
                    old.unlink()
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
                    cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120,
                )  # fmt: skip
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(expected, "a recipe says what it prints")
                self.assertEqual(done.stdout.splitlines(), [line[3:] for line in expected],
                                 done.stderr)  # fmt: skip


if __name__ == "__main__":
    unittest.main()

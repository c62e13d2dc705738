"""The examples of the cookbook, each run against the emulator, and the cookbook held against them."""

import json
import pathlib
import re
import subprocess
import unittest

import support
from support import TOKEN, Case

EXAMPLES = support.ROOT / "examples"
COOKBOOK = support.ROOT / "docs/cookbook.md"
SENDER_ID = "123456789012"


def token(number):
    return f"{number:022d}:APA91b" + "x" * 134


class Examples(Case):
    def setUp(self):
        super().setUp()
        listed = self.folder / "known.csv"
        rows = [f"{token(n)},living" for n in range(5)] + [f"{token(5)},unregistered"]
        listed.write_text("token,health\n" + "\n".join([*rows, f"{TOKEN},living"]) + "\n")
        self.emulator_ = self.emulator("--devices", listed, tls=False)

    def run_example(self, name, *arguments, stdin=""):
        environment = {"FCM_EMULATOR_HOST": f"127.0.0.1:{self.emulator_.port}"}
        return subprocess.run(
            [pathlib.Path(support.FANFARE).parent / f"examples/example_{name}", *arguments],
            env={**support.CLEAN_ENVIRONMENT, **environment},
            input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def messages(self):
        """What FCM delivered, newest first."""
        kept = json.loads(self.emulator_.get("/_emulator/messages"))["messages"]
        return [each["request"]["message"] for each in kept]

    def test_send(self):
        done = self.run_example("send", TOKEN)
        self.assertEqual((done.returncode, done.stdout), (0, "accepted (send.accepted)\n"))

    def test_send_list(self):
        done = self.run_example("send_list", stdin="".join(token(n) + "\n" for n in range(6)))
        self.assertEqual(done.stdout, f"{token(5)} token.unregistered\n")
        self.assertEqual((done.returncode, done.stderr), (0, "5 accepted, 1 dead, 0 failed\n"))
        self.emulator_.fault(fault="project_not_found")
        done = self.run_example("send_list", stdin="".join(token(n) + "\n" for n in range(6)))
        self.assertEqual((done.returncode, done.stdout), (1, ""), "nobody's token is at fault")

    def test_send_list_does_not_believe_in_mass_death(self):
        """An outage that calls half of all devices dead costs nobody a token."""
        self.emulator_.stop()
        self.emulator_ = self.emulator(tls=False)
        self.emulator_.fault(fault="outage_404", outage_share=0.5)
        done = self.run_example("send_list", stdin="".join(token(n) + "\n" for n in range(400)))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("before you delete any", done.stderr)

    def test_explain_answer(self):
        bodies = support.ROOT / "src/fcm/testdata"
        dead = (bodies / "unregistered.json").read_text()
        dead = self.run_example("explain_answer", "404", stdin=dead)
        self.assertIn("the token may be deleted", dead.stdout)
        bare = (bodies / "bare_not_found.json").read_text()
        project = self.run_example("explain_answer", "404", stdin=bare)
        self.assertIn("project_blocked by project.not_found\nkeep the token", project.stdout)

    def test_send_personal(self):
        done = self.run_example("send_personal", f"Ann={token(1)}", f"Bob={token(2)}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        titles = {message["notification"]["title"] for message in self.messages()}
        self.assertEqual(titles, {"Hello Ann", "Hello Bob"})

    def test_send_platforms(self):
        done = self.run_example("send_platforms", TOKEN)
        self.assertEqual((done.returncode, done.stdout), (0, "accepted\n"), done.stderr)
        message = self.messages()[0]
        self.assertEqual(message["android"]["ttl"], "600s")
        self.assertEqual(message["apns"]["payload"]["aps"]["sound"], "cheer.caf")
        self.assertEqual(message["webpush"]["headers"]["TTL"], "600")

    def test_send_silent(self):
        done = self.run_example("send_silent", TOKEN)
        self.assertEqual((done.returncode, done.stdout), (0, "accepted\n"), done.stderr)
        message = self.messages()[0]
        self.assertNotIn("notification", message)
        self.assertEqual(message["apns"]["payload"], {"aps": {"content-available": 1}})

    def test_send_topic(self):
        self.assertEqual(self.run_example("send_topic", "news").stdout, "accepted\n")
        condition = "'news' in topics && 'de' in topics"
        self.assertEqual(self.run_example("send_topic", condition).stdout, "accepted\n")
        self.assertEqual(self.messages()[0]["condition"], condition)
        wrong = self.run_example("send_topic", "'news' in topics && ")
        self.assertEqual(wrong.returncode, 2)
        self.assertEqual(self.emulator_.stats()["requests"], 2)

    def test_check_message(self):
        done = self.run_example("check_message", "Hello", TOKEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning message.notification.image", done.stdout)
        self.assertIn("FCM says: accepted", done.stdout)
        self.assertEqual(self.emulator_.stats()["accepted"], 0)
        long = self.run_example("check_message", "x" * 10_000, TOKEN)
        self.assertEqual(long.returncode, 1)
        self.assertIn("fault ", long.stdout)

    def test_topics(self):
        done = self.run_example("topics", "news", token(1))
        self.assertEqual((done.returncode, done.stdout), (0, "news\n"), done.stderr)
        dead = self.run_example("topics", "news", token(5))
        self.assertEqual(
            (dead.returncode, dead.stdout), (1, "the device is dead (token.unregistered)\n")
        )

    def test_device_group(self):
        done = self.run_example("device_group", SENDER_ID, "user-42", token(1), token(2))
        self.assertEqual((done.returncode, done.stdout), (0, "accepted\n"), done.stderr)
        kept = json.loads(self.emulator_.get("/_emulator/messages"))["messages"]
        self.assertEqual(kept[0]["reached_count"], 2)
        none = self.run_example("device_group", SENDER_ID, "user-43", token(5))
        self.assertEqual(none.returncode, 1)
        self.assertIn("group.no_members", none.stderr)

    def test_preflight(self):
        done = self.run_example("preflight", "Hello")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("passed iam", done.stdout)
        self.emulator_.fault(fault="iam")
        done = self.run_example("preflight", "Hello")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed iam", done.stdout)


class Cookbook(unittest.TestCase):
    def test_every_example_has_a_run_and_a_section(self):
        names = {path.stem for path in EXAMPLES.glob("*.cpp")}
        self.assertGreaterEqual(len(names), 10)
        runs = {name.removeprefix("test_") for name in dir(Examples) if name.startswith("test_")}
        self.assertLessEqual(names, runs)
        sections = set(re.findall(r"\(\.\./examples/(\w+)\.cpp\)", COOKBOOK.read_text()))
        self.assertEqual(names, sections)

    def test_every_piece_of_code_that_is_shown_stands_in_its_example(self):
        """But for its indentation; `// …` stands between two pieces."""
        for section in COOKBOOK.read_text().split("\n## ")[1:]:
            name = re.search(r"\(\.\./examples/(\w+)\.cpp\)", section).group(1)
            program = self.flat((EXAMPLES / f"{name}.cpp").read_text())
            for block in re.findall(r"```cpp\n(.*?)```", section, re.S):
                for piece in block.split("// …\n"):
                    self.assertIn(self.flat(piece), program, f"not in {name}.cpp")

    @staticmethod
    def flat(text):
        return "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"

    def test_the_readme_shows_the_first_example(self):
        self.assertIn((EXAMPLES / "send.cpp").read_text().strip(),
                      (support.ROOT / "README.md").read_text())  # fmt: skip


if __name__ == "__main__":
    unittest.main()

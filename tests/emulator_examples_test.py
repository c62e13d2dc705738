"""The examples of using the emulator from other languages, run as their readers would."""

import re
import subprocess
import unittest

import support
from support import Case, missing, python_with

EXAMPLES = support.ROOT / "examples/emulator"
WORKFLOW = EXAMPLES / "github-actions.yml"


class Examples(Case):
    def run_in(self, folder, *command):
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300,
            env={
                **support.CLEAN_ENVIRONMENT, "FANFARE": support.FANFARE,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )  # fmt: skip

    def test_pytest(self):
        python = python_with("pytest", "requests", "google.auth")
        if python is None:
            self.skipTest("no Python here has pytest, requests and google-auth")
        done = self.run_in(
            EXAMPLES / "pytest", python, "-m", "pytest", "-q", "-p", "no:cacheprovider"
        )
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        self.assertRegex(done.stdout, r"\b7 passed")

    def test_node(self):
        if reason := missing("node"):
            self.skipTest(reason)
        done = self.run_in(EXAMPLES / "node", "node", "--test", "--test-reporter=tap")
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        self.assertIn("# pass 3\n", done.stdout)

    def test_the_last_step_of_the_workflow(self):
        """Its script with a program of ours in place of npm test; the rest needs GitHub."""
        steps = re.split(r"\n      - ", WORKFLOW.read_text())
        script = re.search(r"run: \|\n(.*)", steps[-1], re.DOTALL)[1]
        script = script.replace("~/fanfare-bin/fanfare", support.FANFARE)
        script = re.sub(r"npm test .*", 'test -n "$HTTPS_PROXY" -a -s "$SSL_CERT_FILE"', script)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, timeout=60,
            env={**support.CLEAN_ENVIRONMENT, "RUNNER_TEMP": str(self.folder)},
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    unittest.main()

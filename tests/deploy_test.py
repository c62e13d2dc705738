"""What deploy/ holds agrees with the gateway: metrics by their names, files that others read."""

import json
import re
import shutil
import subprocess
import unittest

from support import ROOT

DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\bfanfare_[a-z_]+")


def metrics_rendered():
    """Names of samples that metrics.cpp can render: histograms have three each."""
    source = (ROOT / "src/gateway/metrics.cpp").read_text()
    families = re.findall(r'family\(\s*"(\w+)",\s*"(\w+)"', source)
    names = set()
    for name, kind in families:
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names.update(name + part for part in parts)
    return names


class Deploy(unittest.TestCase):
    def check_names(self, text):
        used = set(NAME.findall(text))
        self.assertGreater(len(used), 5)
        self.assertEqual(used - metrics_rendered(), set())

    def tool(self, *command):
        if shutil.which(command[0]) is None:
            self.skipTest(f"no {command[0]} here")
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def test_alerts_name_metrics_that_exist(self):
        expressions = re.findall(r"^ +expr: (.*)$", (DEPLOY / "alerts.yml").read_text(), re.M)
        self.check_names("\n".join(expressions))

    def test_the_dashboard_names_metrics_that_exist(self):
        dashboard = json.loads((DEPLOY / "dashboard.json").read_text())
        targets = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        variables = [
            variable["query"]["query"]
            for variable in dashboard["templating"]["list"]
            if variable["type"] == "query"
        ]
        self.check_names("\n".join(targets + variables))

    def test_prometheus_takes_the_alerts(self):
        done = self.tool("promtool", "check", "rules", str(DEPLOY / "alerts.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_systemd_takes_the_unit(self):
        done = self.tool("systemd-analyze", "verify", "--man=no", str(DEPLOY / "fanfare.service"))
        # The command need not be installed where the tests run.
        faults = [line for line in done.stderr.splitlines()
                  if "fanfare.service" in line and "is not executable" not in line]  # fmt: skip
        self.assertEqual(faults, [])

    def test_the_unit_is_shut_tight(self):
        done = self.tool(
            "systemd-analyze", "security", "--offline=true", "--threshold=20",
            str(DEPLOY / "fanfare.service"),
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout[-500:])

    def test_the_unit_waits_longer_for_a_stop_than_the_gateway(self):
        unit = (DEPLOY / "fanfare.service").read_text()
        settings = (ROOT / "src/gateway/settings.h").read_text()
        waits = int(re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.M)[1])
        deadline = int(re.search(r"stop_deadline\{(\d+)\}", settings)[1])
        self.assertGreater(waits, deadline)

    def test_the_package_scripts_are_shell(self):
        for script in ("postinst", "prerm", "postrm"):
            done = self.tool("sh", "-n", str(DEPLOY / "debian" / script))
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

"""The example of a host that begins and ends episodes itself, and knows late what they brought."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "late_rewards.py"


class LateRewards(unittest.TestCase):
    def test_it_is_forty_lines_long(self):
        self.assertLessEqual(len(EXAMPLE.read_text(encoding="utf-8").splitlines()), 40)

    def test_it_learns_what_to_offer(self):
        env = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
        done = subprocess.run([sys.executable, str(EXAMPLE)], env=env, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("offers taken", done.stdout)


if __name__ == "__main__":
    unittest.main()

"""The example that the repository's README shows."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
QUICKSTART = ROOT / "examples" / "quickstart.py"


class Quickstart(unittest.TestCase):
    def test_the_readme_shows_exactly_the_file_that_runs(self):
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
        self.assertIn(QUICKSTART.read_text(encoding="utf-8"), blocks)

    def test_it_is_twenty_lines_long(self):
        self.assertLessEqual(len(QUICKSTART.read_text(encoding="utf-8").splitlines()), 20)

    def test_it_learns_to_read_digits_from_the_standard_library_alone(self):
        env = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
        done = subprocess.run([sys.executable, str(QUICKSTART)], env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        accuracy = re.search(r"held-out accuracy (\d\.\d+)", done.stdout)
        self.assertGreaterEqual(float(accuracy[1]), 0.95)
        self.assertIn("this is a 0", done.stdout)


class Package(unittest.TestCase):
    def test_all_say_the_same_version(self):
        from ml_sidecar import __version__

        pyproject = (ROOT / "clients/python/pyproject.toml").read_text(encoding="utf-8")
        self.assertEqual(re.search(r'^version = "(.+)"', pyproject, re.MULTILINE)[1], __version__)
        package = (ROOT / "package.json").read_text(encoding="utf-8")
        self.assertEqual(re.search(r'"version": "(.+)"', package)[1], __version__)


if __name__ == "__main__":
    unittest.main()

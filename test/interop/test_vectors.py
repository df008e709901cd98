"""The committed vectors, made again by the libraries they came from: PyTorch, scikit-learn and NumPy say the same."""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
COMMITTED = ROOT / "test" / "vectors"
SCRIPTS = sorted(file for file in (ROOT / "scripts" / "vectors").glob("*.py") if "import write" in file.read_text())

# What a file says about who made it.
MAKERS = {"torch", "source", "by"}
# Of the committed numbers, which have seven digits or more.
TOLERANCE = 1e-6


def differences(got, wanted, where=""):
    """Where the two differ, as sentences."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted({*wanted, *got} - MAKERS):
            if key in wanted and key in got:
                yield from differences(got[key], wanted[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} is {'missing' if key in wanted else 'new'}"
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for index, (one, other) in enumerate(zip(got, wanted)):
            yield from differences(one, other, f"{where}[{index}]")
    elif isinstance(wanted, float) and isinstance(got, (int, float)):
        if not math.isclose(got, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{where} is {got}, was {wanted}"
    elif got != wanted:
        yield f"{where} is {got!r}, was {wanted!r}"


class Vectors(unittest.TestCase):
    def test_there_is_a_script_for_each_file(self):
        self.assertEqual([script.stem for script in SCRIPTS], sorted(file.stem for file in COMMITTED.glob("*.json")))

    def test_every_script_makes_its_file_again(self):
        for script in SCRIPTS:
            with self.subTest(script.name), tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-W", "ignore", script]
                made = subprocess.run(command, env={**os.environ, "VECTORS": folder}, capture_output=True, text=True)
                self.assertEqual(made.returncode, 0, made.stderr)
                for file in pathlib.Path(folder).iterdir():
                    wanted = json.loads((COMMITTED / file.name).read_text())
                    found = list(differences(json.loads(file.read_text()), wanted))
                    self.assertEqual(found[:10], [], f"{file.name}: {len(found)} differences")


if __name__ == "__main__":
    unittest.main()

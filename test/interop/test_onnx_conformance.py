"""The ONNX project's backend cases, raised by our importer and run on our machine."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "test" / "interop" / "onnx-conformance"
KINDS = ["node", "simple", "pytorch-operator", "pytorch-converted", "light"]
# Floors, so that a run that found little can't pass.
LEAST_CASES = {"node": 1800, "simple": 20, "pytorch-operator": 30, "pytorch-converted": 80, "light": 9}
LEAST_PASSED = {"node": 1485, "simple": 15, "pytorch-operator": 31, "pytorch-converted": 82, "light": 9}


def node(script, *parameters):
    command = ["node", "--import", "tsx", str(HERE / script), *map(str, parameters)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cases, cls.report = pathlib.Path(folder.name) / "cases", pathlib.Path(folder.name) / "report.json"
        writer = [sys.executable, "-W", "ignore", str(HERE / "write_cases.py"), str(cases), *KINDS]
        subprocess.run(writer, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        node("main.ts", cases, cls.report)
        cls.verdict = json.loads(node("report.ts", cls.report, "check"))

    def test_every_case_passes_or_is_on_the_skip_list_with_its_reason(self):
        self.assertEqual(self.verdict["problems"], [])

    def test_the_run_saw_as_many_cases_as_the_package_has(self):
        for kind, least in LEAST_CASES.items():
            self.assertGreaterEqual(self.verdict["scores"][kind]["cases"], least, kind)

    def test_no_fewer_pass_than_did_before(self):
        for kind, least in LEAST_PASSED.items():
            self.assertGreaterEqual(self.verdict["scores"][kind]["passed"], least, kind)

    def test_gradients_agree_with_differences_in_most_cases_with_real_inputs(self):
        self.assertGreaterEqual(self.verdict["gradients"], 1000)

    def test_the_page_gives_these_scores(self):
        page = (ROOT / "docs" / "onnx-conformance.md").read_text()
        for kind, score in self.verdict["scores"].items():
            self.assertIn(f"| {kind} | {score['cases']} | {score['passed']} |", page)


if __name__ == "__main__":
    unittest.main()

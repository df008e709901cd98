"""Runs the unittest files of one folder; with TEST_REPORTS set, also writes what they did as JSON for scripts/ci/summary.mjs.

python3 scripts/python_tests.py FOLDER SUITE
"""

import json
import os
import sys
import unittest
from pathlib import Path


class CountingResult(unittest.TextTestResult):
    """A result that also counts what passed, and knows the files whose tests were not all skipped."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0
        self.ran = set()

    def startTest(self, test):
        super().startTest(test)
        self.skipped_before = len(self.skipped)

    def stopTest(self, test):
        super().stopTest(test)
        if len(self.skipped) == self.skipped_before:
            self.ran.add(type(test).__module__)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main() -> int:
    folder, suite = Path(sys.argv[1]), sys.argv[2]
    files = sorted(folder.glob("test_*.py"))
    sys.path.insert(0, str(folder))
    tests = unittest.defaultTestLoader.discover(str(folder), pattern="test_*.py", top_level_dir=str(folder))
    result = unittest.TextTestRunner(verbosity=2, resultclass=CountingResult).run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    report = {
        "suite": suite,
        "passed": result.passed + len(result.expectedFailures),
        "failed": failed,
        "skipped": [{"test": str(test), "reason": reason} for test, reason in result.skipped],
        "empty": [file.name for file in files if file.stem not in result.ran],
    }
    if os.environ.get("TEST_REPORTS"):
        reports = Path(os.environ["TEST_REPORTS"])
        reports.mkdir(parents=True, exist_ok=True)
        (reports / f"{suite}.json").write_text(json.dumps(report))
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())

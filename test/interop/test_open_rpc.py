"""The published schema, exercised by the OpenRPC project's own tool against the running program."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent / "open-rpc"
ROOT = HERE.parents[2]


def modules() -> pathlib.Path:
    """Where the tool is installed: under .cache, once for each version of its package.json."""
    wanted = (HERE / "package.json").read_bytes()
    folder = ROOT / ".cache" / f"open-rpc-{hashlib.sha256(wanted).hexdigest()[:12]}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_bytes(wanted)
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=folder, check=True)
        (folder / "ready").touch()
    return folder


class PublishedSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = ["node", HERE / "coverage.cjs", modules(), ROOT / "dist" / "main.js"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr)
        cls.calls = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"method"')]
        document = json.loads((ROOT / "docs" / "openrpc.json").read_text(encoding="utf-8"))
        cls.methods = {method["name"] for method in document["methods"]} - {"$/cancel", "runtime.shutdown"}
        cls.codes = {error["code"] for error in document["components"]["errors"].values()}

    def test_every_method_was_called(self):
        self.assertEqual({call["method"] for call in self.calls}, self.methods)

    def test_every_result_is_as_its_schema_says(self):
        for call in self.calls:
            if "error" not in call:
                with self.subTest(call["method"], params=call["params"]):
                    self.assertTrue(call["valid"], call.get("reason"))

    def test_every_refusal_is_a_published_error_with_a_reason(self):
        for call in self.calls:
            if "error" in call:
                with self.subTest(call["method"], params=call["params"]):
                    self.assertIn(call["error"]["code"], self.codes)
                    self.assertNotEqual(call["error"]["data"]["reason"], "INTERNAL")

    def test_questions_and_examples_are_answered(self):
        answered = {call["method"] for call in self.calls if "error" not in call}
        questions = {"ping", "runtime.initialize", "runtime.health", "rpc.discover", "models.list", "jobs.list"}
        self.assertLessEqual(questions | {"models.create", "train.start", "jobs.wait"}, answered)


if __name__ == "__main__":
    unittest.main()

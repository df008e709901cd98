"""Finding the sidecar, and saying how to get it."""

import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

from ml_sidecar import Sidecar, SidecarMissingError
from ml_sidecar.find import ENVIRONMENT_VARIABLE, find


class Find(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)

    def file(self, path, text="", executable=False):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if executable:
            target.chmod(0o755)
        return str(target)

    def test_a_list_is_taken_as_it_is(self):
        self.assertEqual(find(["deno", "run", "main.js"]).command, ["deno", "run", "main.js"])

    def test_a_script_is_run_by_node(self):
        node, script = find("/somewhere/main.js").command
        self.assertEqual((pathlib.Path(node).name.split(".")[0], script), ("node", "/somewhere/main.js"))

    def test_the_environment_may_hold_a_path_with_spaces(self):
        path = self.file("with space/sidecar", executable=True)
        with mock.patch.dict(os.environ, {ENVIRONMENT_VARIABLE: path}):
            self.assertEqual(find().command, [path])

    def test_the_environment_may_hold_a_command_line(self):
        with mock.patch.dict(os.environ, {ENVIRONMENT_VARIABLE: "node 'my main.js' --threads 1"}):
            self.assertEqual(find().command, ["node", "my main.js", "--threads", "1"])

    def test_an_installed_package_is_found_from_a_folder_below_it(self):
        script = self.file("node_modules/ml-sidecar/dist/main.js")
        (self.folder / "a" / "b").mkdir(parents=True)
        os.chdir(self.folder / "a" / "b")
        with mock.patch.dict(os.environ):
            os.environ.pop(ENVIRONMENT_VARIABLE, None)
            self.assertEqual(find().command[1:], [script])

    def test_somebody_elses_main_js_is_not_run(self):
        self.file("dist/main.js")
        self.file("package.json", '{"name": "something-else"}')
        with mock.patch.dict(os.environ):
            os.environ.pop(ENVIRONMENT_VARIABLE, None)
            self.assertNotIn(str(self.folder / "dist" / "main.js"), find().command)

    def test_a_command_that_does_not_exist_says_where_it_came_from_and_how_to_get_it(self):
        with self.assertRaisesRegex(SidecarMissingError, "(?s)no-such-sidecar.*argument.*npm ci"):
            Sidecar(["no-such-sidecar"])

    def test_without_node_the_message_says_so(self):
        with mock.patch.dict(os.environ, {"PATH": str(self.folder)}):
            with self.assertRaisesRegex(SidecarMissingError, "(?s)`node` is not on PATH.*Node 20"):
                find("main.js")

    def test_a_child_that_ends_before_it_answers_is_quoted(self):
        words = [sys.executable, "-c", "import sys; sys.exit('cannot: no licence')"]
        with self.assertRaisesRegex(Exception, "(?s)ended with code 1.*cannot: no licence"):
            Sidecar(words)


if __name__ == "__main__":
    unittest.main()

"""The synchronous face on the real sidecar."""

import array
import math
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from ml_sidecar import (
    CancelledError,
    InvalidParamsError,
    MethodNotFoundError,
    NotFoundError,
    Sidecar,
    SidecarDiedError,
    Tensor,
    WaitTimeoutError,
)

ROOT = pathlib.Path(__file__).resolve().parents[3]
MLP = {"type": "mlp", "hidden": [32]}


class WithSidecar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar(use_numpy=False)

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def trained(self):
        model = self.ml.create("classification", MLP, seed=1)
        model.train("iris", epochs=3, seed=1).wait()
        return model

    def endless(self):
        """A training that goes on until somebody ends it."""
        job = self.ml.create("classification", MLP, seed=1).train("iris", epochs=1_000_000, seed=1)
        self.addCleanup(job.cancel)
        return job


class Calls(WithSidecar):
    def test_the_sidecar_introduces_itself(self):
        self.assertEqual(self.ml.info["server"]["name"], "ml-sidecar")

    def test_any_method_can_be_called_by_its_name(self):
        self.assertTrue(self.ml.call("runtime.health")["live"])

    def test_an_unknown_method_is_a_typed_error_with_a_hint(self):
        with self.assertRaises(MethodNotFoundError) as caught:
            self.ml.call("trian.start")
        self.assertIn("train.start", caught.exception.hint)

    def test_a_wrong_option_is_named_with_its_path(self):
        with self.assertRaises(InvalidParamsError) as caught:
            self.ml.create("classification", {"type": "mlp", "hidden": [-3]})
        self.assertIn("backbone.hidden[0]", [violation["path"] for violation in caught.exception.violations])

    def test_many_threads_can_call_at_once(self):
        answers = []

        def call_often():
            for number in range(50):
                try:
                    self.ml.call("models.get", model=f"none-{number}")
                except NotFoundError as error:
                    answers.append(f"none-{number}" in str(error))

        threads = [threading.Thread(target=call_often) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(answers, [True] * 400)

    def test_an_answer_beyond_64_kib_arrives_whole(self):
        catalog = self.ml.call("rpc.discover")
        self.assertGreater(len(str(catalog)), 65536)

    def test_an_answer_beyond_the_longest_line_comes_through_a_file(self):
        model = self.trained()
        rows = [[5.1, 3.5, 1.4, 0.2]] * 20_000
        self.ml.call("runtime.initialize", limits={"maxLineBytes": 4096})
        self.addCleanup(self.ml.call, "runtime.initialize", limits={"maxLineBytes": 1 << 24})
        outputs = model.predict(rows)
        self.assertEqual((len(outputs["labels"]), outputs["probabilities"].shape), (20_000, (20_000, 3)))


class Writing(WithSidecar):
    def setUp(self):
        self.model = self.ml.create("language", {"type": "gru", "hidden": 8}, seed=1)
        self.model.train({"text": {"value": "abc " * 40}}, epochs=1).wait()

    def test_a_text_comes_piece_by_piece_and_is_the_same(self):
        wishes = {"max_new_tokens": 300, "seed": 3}
        self.assertEqual("".join(self.model.stream("ab", **wishes)), self.model.generate("ab", **wishes)["text"])

    def test_who_stops_reading_ends_the_writing(self):
        for _piece in self.model.stream("ab", max_new_tokens=100_000):
            break
        newest = self.ml.call("jobs.list")["jobs"][-1]["id"]
        with self.assertRaises(CancelledError):
            self.ml.job(newest).wait(10)


class Training(WithSidecar):
    def test_events_come_in_order_from_the_first_to_the_last(self):
        job = self.ml.create("classification", MLP, seed=1).train("iris", epochs=5, seed=1)
        events = list(job)
        self.assertEqual((events[0].type, events[-1].type), ("job.started", "job.completed"))
        self.assertEqual([event.data["epoch"] for event in events if event.type == "train.epoch"], [1, 2, 3, 4, 5])
        self.assertEqual([event.seq for event in events], sorted({event.seq for event in events}))

    def test_a_finished_job_tells_its_events_again(self):
        job = self.ml.create("classification", MLP, seed=1).train("iris", epochs=2, seed=1)
        job.wait()
        self.assertEqual([event.seq for event in self.ml.job(job.id)], [event.seq for event in job])

    def test_a_callback_may_call_the_sidecar(self):
        seen, done = [], threading.Event()

        def on_event(event):
            seen.append(self.ml.ping())
            if event.is_last:
                done.set()

        self.ml.create("classification", MLP, seed=1).train("iris", epochs=2, seed=1, on_event=on_event)
        self.assertTrue(done.wait(30))
        self.assertEqual(seen[0], {"pong": True})

    def test_waiting_gives_the_result(self):
        job = self.ml.create("classification", MLP, seed=1).train("iris", validation=0.2, epochs=5, seed=1)
        result = job.wait()
        self.assertEqual((job.state, result["epochs"]), ("completed", 5))
        self.assertIn("accuracy", result["validation"]["metrics"])

    def test_a_cancelled_job_raises_when_waited_for(self):
        job = self.endless()
        job.cancel()
        with self.assertRaises(CancelledError):
            job.wait()
        self.assertEqual(job.state, "cancelled")

    def test_waiting_has_an_end_and_the_job_goes_on(self):
        job = self.endless()
        with self.assertRaises(WaitTimeoutError):
            job.wait(timeout=0.05)
        self.assertEqual(job.refresh()["state"], "running")

    def test_a_paused_job_goes_on_when_resumed(self):
        job = self.endless()
        job.pause()
        self.assertEqual(job.refresh()["state"], "paused")
        job.resume()
        self.assertEqual(job.refresh()["state"], "running")

    def test_a_job_that_fails_raises_its_reason(self):
        job = self.ml.create("regression", MLP, seed=1).train(
            "diabetes", epochs=50, optimizer={"type": "sgd", "learningRate": 1e6}, seed=1
        )
        with self.assertRaises(Exception) as caught:
            job.wait()
        self.assertEqual(caught.exception.reason, "DIVERGED")


class Using(WithSidecar):
    def test_lists_arrays_and_rows_predict_the_same(self):
        model = self.trained()
        flower = [5.1, 3.5, 1.4, 0.2]
        from_list = model.predict([flower])["probabilities"].tolist()
        view = memoryview(array.array("f", flower)).cast("B").cast("f", [1, 4])
        self.assertEqual(model.predict(view)["probabilities"].tolist(), from_list)
        self.assertEqual(model.predict(Tensor("F32", [1, 4], flower))["probabilities"].tolist(), from_list)

    def test_probabilities_of_a_row_sum_to_one(self):
        probabilities = self.trained().predict([[5.1, 3.5, 1.4, 0.2]] * 3)["probabilities"]
        self.assertEqual(probabilities.shape, (3, 3))
        self.assertTrue(all(math.isclose(sum(row.tolist()), 1, abs_tol=1e-5) for row in probabilities))

    def test_a_tuple_is_inputs_and_targets(self):
        model = self.ml.create("regression", MLP, seed=1)
        x = [[float(number)] for number in range(20)]
        model.train((x, [2 * row[0] for row in x]), epochs=2, seed=1).wait()
        self.assertEqual(model.predict([[3.0]])["values"].shape[0], 1)

    def test_rows_with_a_target(self):
        rows = [{"size": number, "kind": "ab"[number % 2], "big": "yes" if number > 10 else "no"} for number in range(20)]
        model = self.ml.create("classification", MLP, seed=1)
        model.train(rows, target="big", epochs=2, seed=1).wait()
        self.assertIn(model.predict([{"size": 15, "kind": "a"}])["labels"][0], {"yes", "no"})

    def test_a_handle_names_data_once(self):
        handle = self.ml.put("iris")
        self.assertEqual(handle.description["rows"], 150)
        self.assertEqual(self.trained().evaluate(handle)["samples"], 150)

    def test_a_saved_model_answers_the_same_when_loaded(self):
        model = self.trained()
        with tempfile.TemporaryDirectory() as folder:
            model.save(pathlib.Path(folder) / "iris")
            again = self.ml.load(pathlib.Path(folder) / "iris")
        flower = [[6.0, 3.0, 4.8, 1.8]]
        self.assertEqual(again.predict(flower)["probabilities"], model.predict(flower)["probabilities"])


class Life(unittest.TestCase):
    def test_numpy_is_not_imported_for_a_program_that_does_not_use_it(self):
        program = "import sys\nfrom ml_sidecar import Sidecar\nwith Sidecar() as ml: ml.ping()\nprint('numpy' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "False")

    def test_closing_twice_is_closing_once(self):
        ml = Sidecar()
        ml.close()
        ml.close()
        with self.assertRaises(SidecarDiedError):
            ml.ping()

    def test_closing_ends_the_process_while_it_trains(self):
        with Sidecar() as ml:
            ml.create("classification", MLP).train("digits", epochs=1_000_000)
            process = ml._child._process
        self.assertEqual(process.returncode, 0)

    def test_a_sidecar_that_is_killed_fails_the_calls_under_way(self):
        with Sidecar() as ml:
            job = ml.create("classification", MLP).train("digits", epochs=1_000_000)
            threading.Timer(0.2, ml._child._process.kill).start()
            with self.assertRaisesRegex(SidecarDiedError, "signal 9"):
                job.wait()

    def test_a_training_that_was_killed_goes_on_in_the_next_sidecar(self):
        with tempfile.TemporaryDirectory() as folder:
            with Sidecar(arguments=["--data-dir", folder]) as ml:
                job = ml.create("classification", MLP, seed=1).train("digits", epochs=300, checkpoint=True, seed=1)
                for event in job:
                    if event.type == "train.epoch" and event.data["epoch"] == 3:
                        break
                ml._child._process.kill()
            with Sidecar(arguments=["--data-dir", folder]) as ml:
                job = ml.job(job.id)
                self.assertEqual(job.state, "interrupted")
                before = [event.seq for event in job]
                job.resume()
                self.assertEqual(job.wait()["epochs"], 300)
                self.assertGreater([event.seq for event in job], before)

    def test_a_wrong_argument_is_explained_by_the_sidecars_own_words(self):
        with self.assertRaisesRegex(SidecarDiedError, "(?s)wrong usage.*no-such-option"):
            Sidecar(arguments=["--no-such-option"])

    def test_no_sidecar_outlives_a_python_that_is_killed(self):
        program = (
            "import time\nfrom ml_sidecar import Sidecar\nml = Sidecar()\n"
            "ml.create().train('digits', epochs=1000000)\nprint(ml.pid, flush=True)\ntime.sleep(60)"
        )
        host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        pid = int(host.stdout.readline())
        host.kill()
        host.wait()
        host.stdout.close()
        for _ in range(100):
            if not is_running(pid):
                return
            time.sleep(0.1)
        self.fail(f"the sidecar {pid} is still there ten seconds after its host was killed")


def is_running(pid):
    """Whether the process is there and not merely unreaped."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
        return found.stdout.strip() not in ("", "Z")
    return status.rsplit(")", 1)[1].split()[0] != "Z"


if __name__ == "__main__":
    unittest.main()

"""Policies in a host that has onnxruntime and nothing else: one file acts as the sidecar does, mask, memory and normaliser inside."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

from runtime import session_of

MAIN = pathlib.Path(__file__).parents[2] / "dist" / "main.js"
ROWS = 1000
BOX = {"type": "box", "shape": [6]}


class Sidecar:
    def __init__(self):
        self.process = subprocess.Popen(["node", str(MAIN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last = 0

    def call(self, method, **params):
        self.last += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        while True:
            message = json.loads(self.process.stdout.readline())
            if message.get("id") != self.last:
                continue
            if "error" in message:
                raise AssertionError(message["error"])
            return message["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def array(tensor):
    if "$spill" in tensor:
        raise AssertionError("raise limits.maxLineBytes")
    import base64

    dtype = {"F32": np.float32, "I32": np.int32}[tensor["dtype"]]
    flat = np.array(tensor["values"], dtype) if "values" in tensor else np.frombuffer(base64.b64decode(tensor["b64"]), dtype)
    return flat.reshape(tensor["shape"])


def learn(sidecar, rng, action, mask_width=0, steps=40, count=4, **options):
    """A policy that has learned a little from made-up rewards. Returns its model."""
    environment = {"type": "host", "observation": BOX, "action": action, "count": count, "autoreset": "sameStep", "mask": mask_width > 0}
    made = sidecar.call("rl.create", environment=environment, algorithm={"type": "ppo", "numSteps": 8, "normaliseObservations": True}, **options)
    for step in range(steps):
        seen = {"observations": (rng.normal(size=(count, 6)) * 5 + 3).tolist()}
        if mask_width:
            seen["mask"] = masks(rng, count, mask_width).tolist()
        if step > 0:
            seen |= {"rewards": rng.normal(size=count).tolist(), "terminated": [step % 7 == 0] * count, "truncated": [False] * count}
        sidecar.call("rl.step", run=made["run"]["id"], **seen)
    sidecar.call("rl.close", run=made["run"]["id"])
    return made["model"]["id"]


def masks(rng, rows, width):
    mask = (rng.random((rows, width)) < 0.6).astype(int)
    mask[:, 0] = 1
    return mask


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.sidecar = Sidecar()
        cls.sidecar.call("runtime.initialize", limits={"maxLineBytes": 50_000_000})

    @classmethod
    def tearDownClass(cls):
        cls.sidecar.close()
        shutil.rmtree(cls.folder)

    def agree(self, name, model, rng, mask_width=0, memories=0, hidden=0):
        path = f"{self.folder}/{name}.onnx"
        verification = self.sidecar.call("models.export", model=model, format="onnx", path=path)["verification"]
        self.assertLess(verification["maxAbsDiff"], 1e-5)
        session = session_of(path)
        observations = (rng.normal(size=(ROWS, 6)) * 5 + 3).astype(np.float32)
        feed, asked = {"observations": observations}, {"observations": observations.tolist()}
        if mask_width:
            mask = masks(rng, ROWS, mask_width)
            feed["mask"], asked["mask"] = mask.astype(bool), mask.tolist()
        if memories:
            states = [(rng.normal(size=(ROWS, hidden)) / 2).astype(np.float32) for _ in range(memories)]
            feed |= {f"state.{index}": state for index, state in enumerate(states)}
            asked["state"] = [state.tolist() for state in states]
        answers = dict(zip([output.name for output in session.get_outputs()], session.run(None, feed)))
        ours = self.sidecar.call("policy.act", model=model, **asked)
        np.testing.assert_allclose(answers["values"], array(ours["values"]), atol=1e-5)
        np.testing.assert_allclose(answers["actions"], array(ours["actions"]), atol=1e-5)
        for index in range(memories):
            np.testing.assert_allclose(answers[f"nextState.{index}"], array(ours["state"][index]), atol=1e-5)
        return session, feed, answers

    def test_one_choice_with_a_normaliser(self):
        rng = np.random.default_rng(1)
        model = learn(self.sidecar, rng, {"type": "discrete", "n": 3})
        session, feed, answers = self.agree("choice", model, rng)
        drawn = np.concatenate([session.run(["sampledActions"], feed)[0] for _ in range(200)])
        logits = answers["parameters"]
        wanted = np.exp(logits - logits.max(1, keepdims=True))
        wanted = (wanted / wanted.sum(1, keepdims=True)).mean(0)
        np.testing.assert_allclose(np.bincount(drawn, minlength=3) / len(drawn), wanted, atol=0.01)

    def test_several_choices_with_masks_and_an_lstm(self):
        rng = np.random.default_rng(2)
        action = {"type": "multiDiscrete", "nvec": [3, 2]}
        model = learn(self.sidecar, rng, action, mask_width=5, memory={"type": "lstm", "hidden": 8})
        session, feed, _ = self.agree("memory", model, rng, mask_width=5, memories=2, hidden=8)
        drawn = session.run(["sampledActions"], feed)[0]
        allowed = np.split(feed["mask"], [3], axis=1)
        for part, mask in enumerate(allowed):
            some = mask.any(1)
            self.assertTrue(mask[np.arange(ROWS), drawn[:, part]][some].all())

    def test_actions_in_a_box(self):
        rng = np.random.default_rng(3)
        action = {"type": "box", "shape": [2], "low": [-1, -2], "high": [1, 0.5]}
        model = learn(self.sidecar, rng, action)
        session, feed, _ = self.agree("box", model, rng)
        drawn = session.run(["sampledActions"], feed)[0]
        self.assertGreater(drawn.std(), 0.1)
        self.assertTrue(((drawn >= [-1, -2]) & (drawn <= [1, 0.5])).all())

    def test_the_card_says_what_goes_in_and_out(self):
        rng = np.random.default_rng(4)
        model = learn(self.sidecar, rng, {"type": "multiBinary", "n": 2})
        session, feed, answers = self.agree("card", model, rng)
        card = json.loads(session.get_modelmeta().custom_metadata_map["card"])
        self.assertEqual([each["name"] for each in card["inputs"]], [each.name for each in session.get_inputs()])
        self.assertEqual([each["name"] for each in card["outputs"]], [each.name for each in session.get_outputs()])
        self.assertEqual(card["spaces"]["action"], {"type": "multiBinary", "n": 2})
        self.assertEqual(answers["actions"].shape, (ROWS, 2))


if __name__ == "__main__":
    unittest.main()

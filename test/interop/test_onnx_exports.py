"""Every kind of model that we make, as a file: onnx's checker, onnxruntime at three batch sizes, other lengths of sequences.

`python test_onnx_exports.py write` writes what came of it to docs/onnx-export.md.
"""

import json
import pathlib
import re
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "interop" / "onnx-exports"))
import numpy  # noqa: E402
import onnx  # noqa: E402
from check import check, check_policy, checked, feed, ran  # noqa: E402
from kinds import BACKBONES, COMBINATIONS, HEADS, NUMBERS, Kind, combined, draw, fits, with_options, with_preprocessing, write_source  # noqa: E402
from policies import POLICIES, learned  # noqa: E402
from runtime import session_of  # noqa: E402

from ml_sidecar import SidecarError, Sidecar  # noqa: E402

TOLERANCE = 1e-5
PAGE = ROOT / "docs" / "onnx-export.md"


def trained(ml, kind):
    """A model of a kind, after one epoch. Returns its id."""
    model = ml.call("models.create", **kind.spec)["model"]["id"]
    data = kind.data if isinstance(kind.data, dict) else {"rows": kind.data}
    if kind.target is not None:
        data = {**data, "target": kind.target}
    options = {"loss": kind.loss} if kind.loss else {}
    job = ml.call("train.start", model=model, data=data, epochs=1, batchSize=8, seed=1, **options)["job"]
    ended = ml.call("jobs.wait", jobId=job["id"], timeoutMs=120_000)["job"]
    if ended["state"] != "completed":
        raise AssertionError(f"{kind.name}: {ended}")
    return model


def pairs():
    return [(backbone, head) for backbone in BACKBONES for head in HEADS]


def combinations(ml, source):
    """Every backbone of ours with every head that it can have."""
    for backbone, head in pairs():
        if fits(backbone, head):
            yield combined(backbone, head, source if backbone == "onnx" else None)


def ensembles(ml):
    x = draw(64, 6)
    spec = {"pipeline": "classification", "backbone": {"type": "mlp", "hidden": [6]}}
    data = {"x": x.tolist(), "y": (numpy.arange(64) % 3).tolist()}
    for combine in COMBINATIONS:
        members = [trained(ml, Kind("", "", {**spec, "seed": seed}, data, x)) for seed in (1, 2, 3)]
        model = ml.call("models.ensemble", models=members, combine=combine)["model"]["id"]
        kind = Kind("ensemble", combine, {}, data, x)
        if combine == "stack":
            ml.call("jobs.wait", jobId=ml.call("train.start", model=model, data=data, epochs=1)["job"]["id"], timeoutMs=60_000)
        yield kind, model


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.ml = Sidecar()
        cls.addClassCleanup(cls.ml.close)
        cls.ml.call("runtime.initialize", limits={"maxLineBytes": 50_000_000})
        cls.source = cls.ml.call("models.import", format="onnx", path=write_source(folder.name))["model"]["id"]

    def good(self, kind, model=None):
        with self.subTest(f"{kind.group}: {kind.name}"):
            model = model or trained(self.ml, kind)
            opsets = (17,) if kind.name.startswith("onnx,") else (17, 18, 19, 20, 21)
            found = check(self.ml, model, kind, self.folder, opsets)
            for batch, difference in found.difference.items():
                self.assertLess(difference, TOLERANCE, f"{kind.name} at batch {batch}")
            if kind.axes is not None:
                self.assertEqual(found.axes, kind.axes)
            FOUND.append(found)
            self.ml.call("models.delete", model=model)

    def test_the_catalog_has_no_backbone_or_head_without_a_case(self):
        catalog = self.ml.catalog()
        self.assertEqual({each["type"] for each in catalog["backbones"]}, set(BACKBONES))
        self.assertEqual({each["type"] for each in catalog["heads"]}, set(HEADS))

    def test_preprocessing_has_no_step_without_a_case(self):
        source = (ROOT / "src" / "pipelines" / "preprocess" / "spec.ts").read_text()
        steps = set(re.findall(r'type: z\.literal\("(\w+)"\)', source))
        self.assertLessEqual({"impute", "oneHot", "tokens"}, steps)
        self.assertEqual(steps, {*NUMBERS, "tokens"})

    def test_backbones_with_heads(self):
        for kind in combinations(self.ml, self.source):
            self.good(kind)

    def test_heads_of_elements_are_refused_where_there_are_no_elements(self):
        for backbone, head in pairs():
            if fits(backbone, head):
                continue
            with self.subTest(f"{backbone}, {head}"), self.assertRaises((SidecarError, AssertionError)):
                trained(self.ml, combined(backbone, head, self.source if backbone == "onnx" else None))

    def test_options_that_change_the_file(self):
        for kind in with_options():
            self.good(kind)

    def test_steps_of_preprocessing(self):
        for kind in with_preprocessing():
            self.good(kind)

    def test_ensembles(self):
        for kind, model in ensembles(self.ml):
            self.good(kind, model)


    def test_algorithms_have_no_one_without_a_policy(self):
        self.assertEqual({each["type"] for each in self.ml.catalog()["algorithms"]}, {each.algorithm["type"] for each in POLICIES})

    def test_policies(self):
        for policy in POLICIES:
            with self.subTest(policy.name):
                rng = numpy.random.default_rng(1)
                found = check_policy(self.ml, learned(self.ml, policy, rng), policy, self.folder, rng)
                self.assertLess(max(found.difference.values()), TOLERANCE)
                self.assertEqual(found.axes, ("batch",))
                FOUND.append(found)


    def test_the_page_lists_every_kind(self):
        page = PAGE.read_text()
        names = [f"{backbone}, {head}" for backbone, head in pairs() if fits(backbone, head)]
        names += [kind.name for kind in (*with_options(), *with_preprocessing())] + [*COMBINATIONS, *(each.name for each in POLICIES)]
        self.assertEqual([name for name in names if f"| {name} |" not in page], [])


class Files(unittest.TestCase):
    """How a file is written, and what is said with it."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.ml = Sidecar()
        cls.addClassCleanup(cls.ml.close)
        cls.kind = combined("transformer", "classification")
        cls.model = trained(cls.ml, cls.kind)

    def write(self, name, **options):
        path = self.folder / name / "model.onnx"
        written = self.ml.call("models.export", model=self.model, format="onnx", path=str(path), **options)
        return path, written, checked(path, written["opset"])

    def answers(self, path):
        session = session_of(path)
        return ran(session, feed(session, {}, self.kind.inputs))["probabilities"]

    def test_half_precision_is_half_the_file_and_keeps_float_inputs_and_outputs(self):
        full, _, _ = self.write("full")
        path, written, model = self.write("half", weights="F16")
        kept = {each.name: each.data_type for each in model.graph.initializer}
        self.assertEqual(kept["backbone.input.weight.f16"], onnx.TensorProto.FLOAT16)
        self.assertEqual(kept["backbone.input.bias"], onnx.TensorProto.FLOAT)
        self.assertEqual({put.type for put in session_of(path).get_inputs()}, {"tensor(float)"})
        self.assertLess(written["verification"]["maxAbsDiff"], written["verification"]["tolerance"])
        self.assertGreater(written["verification"]["maxAbsDiff"], 0)
        numpy.testing.assert_allclose(self.answers(path), self.answers(full), atol=1e-2)

    def test_data_in_a_file_beside_the_model_are_aligned_and_complete(self):
        full, _, inside = self.write("inside")
        path, written, _ = self.write("beside", externalData=True)
        self.assertEqual(written["data"]["path"], f"{path}.data")
        self.assertEqual(pathlib.Path(written["data"]["path"]).stat().st_size, written["data"]["bytes"])
        raw = onnx.load(str(path), load_external_data=False)
        places = [{each.key: each.value for each in tensor.external_data} for tensor in raw.graph.initializer if tensor.external_data]
        self.assertGreater(len(places), 1)
        self.assertEqual({place["location"] for place in places}, {"model.onnx.data"})
        self.assertEqual([int(place["offset"]) % 4096 for place in places], [0] * len(places))
        whole = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(str(path)).graph.initializer}
        for tensor in inside.graph.initializer:
            numpy.testing.assert_array_equal(whole[tensor.name], onnx.numpy_helper.to_array(tensor))
        numpy.testing.assert_array_equal(self.answers(path), self.answers(full))

    def test_what_is_known_of_the_model_goes_with_it(self):
        said = {"license": "CC-BY-4.0", "author": "Ada", "description": "Three kinds of waves"}
        path, _, model = self.write("said", **said)
        known = {each.key: each.value for each in model.metadata_props}
        card = json.loads(path.with_suffix(".json").read_text())
        for key, value in said.items():
            self.assertEqual((known[key], card[key]), (value, value))
        self.assertEqual(json.loads(known["labels"]), ["0", "1", "2"])
        self.assertEqual(json.loads(known["provenance"]), card["provenance"])
        self.assertEqual(len(card["provenance"]["dataHash"]), 64)
        self.assertIn("ml-sidecar", card["provenance"]["versions"])
        self.assertEqual(json.loads(known["metrics"]), card["metrics"])
        self.assertIn("preprocessing", known)
        self.assertEqual((model.producer_name, card["file"]["opset"]), ("ml-sidecar", 17))

    def test_values_are_named_by_the_layers_they_belong_to(self):
        _, _, model = self.write("names")
        weights = {each.name for each in model.graph.initializer if not each.name.startswith("/")}
        self.assertIn("backbone.blocks.0.selfAttention.query.weight", weights)
        self.assertTrue(any(node.name.startswith("/backbone.blocks.0.selfAttention.query/") for node in model.graph.node))


FOUND = []


def write():
    """All of it, to the page."""
    import onnxruntime
    from check import LENGTHS
    from page import page

    makers = ["test_backbones_with_heads", "test_options_that_change_the_file", "test_steps_of_preprocessing"]
    suite = unittest.TestSuite(Exports(name) for name in (*makers, "test_ensembles", "test_policies"))
    if not unittest.TextTestRunner().run(suite).wasSuccessful():
        raise SystemExit("not written")
    PAGE.write_text(page(FOUND, onnxruntime.__version__, LENGTHS))


if __name__ == "__main__":
    write() if sys.argv[1:] == ["write"] else unittest.main()

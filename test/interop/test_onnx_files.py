"""Our ONNX files under onnx.checker and Python's onnxruntime, and our codec on files that Python's protobuf wrote."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import numpy
import onnx
from onnx import TensorProto, helper

from runtime import session_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
DTYPES = {"F32": numpy.float32, "I32": numpy.int32, "BOOL": numpy.bool_}


def run_writer(command, folder):
    writer = ["node", "--import", "tsx", "test/interop/onnx-files.ts", command, str(folder)]
    subprocess.run(writer, cwd=ROOT, check=True, timeout=300)


def array(facts):
    values = numpy.array([float(value.replace("Infinity", "inf")) for value in facts["values"]])
    return values.reshape(facts["shape"]).astype(DTYPES[facts["dtype"]])


class Ops(unittest.TestCase):
    """Every op's ONNX form, as files."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        run_writer("ops", folder.name)
        cls.files = sorted(pathlib.Path(folder.name).glob("*.onnx"))

    def test_there_are_files_for_many_ops(self):
        self.assertGreater(len({path.name.split("-")[0] for path in self.files}), 40)

    def test_the_checker_accepts_every_one_with_its_shapes(self):
        for path in self.files:
            with self.subTest(path.stem):
                onnx.checker.check_model(onnx.load(path), full_check=True)

    def test_every_one_is_what_protobuf_writes_byte_for_byte(self):
        for path in self.files:
            with self.subTest(path.stem):
                ours = path.read_bytes()
                self.assertEqual(onnx.load_model_from_string(ours).SerializeToString(deterministic=True), ours)

    def test_onnxruntime_agrees_with_the_reference(self):
        for path in self.files:
            with self.subTest(path.stem):
                facts = json.loads(path.with_suffix(".json").read_text())
                session = session_of(path)
                got = session.run(None, {each["name"]: array(each) for each in facts["inputs"]})
                for result, expected in zip(got, facts["outputs"], strict=True):
                    self.assertEqual(list(result.shape), expected["shape"])
                    wanted = array({"dtype": "F32", **expected})
                    numpy.testing.assert_allclose(result.astype(numpy.float32), wanted, rtol=2e-5, atol=2e-5)


def tensors():
    """One tensor for each way to store one: raw bytes, each typed field, strings, half precision, four bits."""
    yield helper.make_tensor("raw", TensorProto.FLOAT, [2], numpy.float32([1, -0.0]).tobytes(), raw=True)
    yield helper.make_tensor("float", TensorProto.FLOAT, [3], [1.5, float("nan"), float("-inf")])
    yield helper.make_tensor("double", TensorProto.DOUBLE, [2], [1e300, -1e-300])
    yield helper.make_tensor("int64", TensorProto.INT64, [2], [2**63 - 1, -(2**63)])
    yield helper.make_tensor("uint64", TensorProto.UINT64, [1], [2**64 - 1])
    yield helper.make_tensor("int8", TensorProto.INT8, [2], [-128, 127])
    yield helper.make_tensor("bool", TensorProto.BOOL, [2], [True, False])
    yield helper.make_tensor("half", TensorProto.FLOAT16, [2], [0.5, 65504.0])
    yield helper.make_tensor("bfloat", TensorProto.BFLOAT16, [1], [3.0])
    yield helper.make_tensor("int4", TensorProto.INT4, [3], [-8, 7, 1])
    yield helper.make_tensor("string", TensorProto.STRING, [2], ["grün".encode(), b"\xff"])
    yield helper.make_tensor("empty", TensorProto.FLOAT, [0], [])


def rich_model():
    """A model that uses nearly every message and field of onnx.proto."""
    inner = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "inner", [], [helper.make_tensor_value_info("y", 1, ["n", 3])]
    )
    attributes = {
        "f": -0.5, "i": -7, "s": "text", "t": next(tensors()), "g": inner, "floats": [1.0, 2.5], "ints": [2**62, -1],
        "strings": ["a", "b"], "graphs": [inner], "tp": helper.make_tensor_type_proto(1, [1, None, "k"]),
    }  # fmt: skip
    node = helper.make_node("Anything", ["x", ""], ["z"], name="n", domain="example", doc_string="docs", **attributes)
    node.metadata_props.add(key="namespace", value="layers.0")
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("indices", TensorProto.INT64, [1], [2]),
        [4],
    )
    infos = [
        helper.make_value_info("sequence", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, ["a"]))),
        helper.make_value_info("optional", helper.make_optional_type_proto(helper.make_tensor_type_proto(7, []))),
        helper.make_value_info("map", helper.make_map_type_proto(8, helper.make_tensor_type_proto(1, None))),
    ]
    graph = helper.make_graph(
        [node], "g", infos, [helper.make_tensor_value_info("z", 1, None)], initializer=list(tensors()),
        sparse_initializer=[sparse], doc_string="graph", value_info=infos,
    )  # fmt: skip
    function = helper.make_function(
        "example", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)], ["alpha"]
    )
    model = helper.make_model(graph, functions=[function], opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    model.metadata_props.add(key="card", value="{}")
    configuration = model.configuration.add(name="two devices", num_devices=2)  # our schema does not know these
    configuration.device.extend(["a", "b"])
    return model


class Codec(unittest.TestCase):
    """What Python's protobuf wrote, decoded and encoded by us, is the same bytes."""

    def test_a_file_with_nearly_every_field_survives_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rich.onnx"
            path.write_bytes(rich_model().SerializeToString(deterministic=True))
            run_writer("recode", folder)
            self.assertEqual(path.with_suffix(".onnx.again").read_bytes(), path.read_bytes())

"""Writes the ONNX project's backend test cases to a folder: <kind>/<case>/model.onnx, and tensors as <set>_<input|output>_<i>.pb.

python write_cases.py FOLDER KIND...
A value that is no tensor leaves an empty .none file in its place. The kind `light` stands for the networks without weights
that the package carries; their inputs are made as the package's own runner makes them.
"""

import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests


def tensor_of(value, info):
    if info.type.WhichOneof("value") != "tensor_type":
        return None
    if isinstance(value, TensorProto):
        return value
    tensor = numpy_helper.from_array(numpy.asarray(value), info.name)
    tensor.data_type = info.type.tensor_type.elem_type
    return tensor


def write_set(folder, number, graph, inputs, outputs):
    for kind, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
        for index, value in enumerate(values):
            tensor = tensor_of(value, infos[index])
            name = folder / f"{number}_{kind}_{index}"
            if tensor is None:
                name.with_suffix(".none").touch()
            else:
                name.with_suffix(".pb").write_bytes(tensor.SerializeToString())


def write_generated(folder, case):
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for number, (inputs, outputs) in enumerate(case.data_sets):
        write_set(folder, number, case.model.graph, inputs, outputs)


def write_stored(folder, case):
    source = pathlib.Path(case.model_dir)
    model = (source / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(model)
    graph = onnx.load_model_from_string(model).graph
    for number, data in enumerate(sorted(source.glob("test_data_set_*"))):
        for kind, infos in (("input", graph.input), ("output", graph.output)):
            for index in range(len(list(data.glob(f"{kind}_*.pb")))):
                name = folder / f"{number}_{kind}_{index}"
                if infos[index].type.WhichOneof("value") == "tensor_type":
                    name.with_suffix(".pb").write_bytes((data / f"{kind}_{index}.pb").read_bytes())
                else:
                    name.with_suffix(".none").touch()


def write_light(folder, case):
    source = pathlib.Path(onnx.__file__).parents[1] / case.url
    model = onnx.load(source)
    (folder / "model.onnx").write_bytes(source.read_bytes())
    filled = {each.name for each in model.graph.initializer}
    (info,) = [each for each in model.graph.input if each.name not in filled]
    shape = [each.dim_value or 1 for each in info.type.tensor_type.shape.dim]
    size = int(numpy.prod(shape))
    ramp = (numpy.arange(size).reshape(shape) / size).astype(numpy.float32)
    index = [each.name for each in model.graph.input].index(info.name)
    (folder / f"0_input_{index}.pb").write_bytes(numpy_helper.from_array(ramp, info.name).SerializeToString())
    output = source.with_name(f"{source.stem}_output_0.pb")
    (folder / "0_output_0.pb").write_bytes(output.read_bytes())


def main():
    root, kinds = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for kind in kinds:
        for case in load_model_tests(kind="real" if kind == "light" else kind):
            folder = root / kind / case.name
            folder.mkdir(parents=True)
            if kind == "light":
                write_light(folder, case)
            elif case.model is not None:
                write_generated(folder, case)
            else:
                write_stored(folder, case)
            (folder / "tolerance").write_text(f"{case.rtol} {case.atol}")


if __name__ == "__main__":
    main()

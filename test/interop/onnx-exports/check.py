"""A model's files of each opset: through onnx's checker, and in onnxruntime against the sidecar's own answers."""

import dataclasses
import json
import pathlib

import numpy
import onnx
import policies
from runtime import session_of

OPSETS = (17, 18, 19, 20, 21)
BATCHES = (1, 7, 64)
LENGTHS = (5, 33)


@dataclasses.dataclass
class Found:
    """What came of one kind of model."""

    group: str
    name: str
    opsets: tuple = ()
    difference: dict = dataclasses.field(default_factory=dict)
    """By batch size, the largest of any output."""
    axes: tuple = ()
    lengths: tuple = ()
    """Other lengths of a sequence that the file ran at."""


def symbols(session):
    """Names of the inputs' open axes, in the order met."""
    return tuple(dict.fromkeys(size for put in session.get_inputs() for size in put.shape if isinstance(size, str)))


def checked(path, opset):
    """The file as onnx reads it, after every check that it has."""
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.checker.check_model(str(path), full_check=True)
    stated = {each.domain: each.version for each in model.opset_import}
    assert stated[""] == opset, (stated, opset)
    assert model.ir_version <= 8, model.ir_version
    return model


def feed(session, model_card, inputs, previous=None):
    """Rows as the file takes them: the array itself, or a column each."""
    if isinstance(inputs, numpy.ndarray):
        arrays = {session.get_inputs()[0].name: inputs.astype(numpy.float32)}
    else:
        arrays = {put["name"]: column_of(put, inputs) for put in model_card["inputs"] if put["name"] != "previous"}
    return arrays | ({} if previous is None else {"previous": previous})


def column_of(put, rows):
    name, size = put["name"], put["shape"][1]
    cells = [row[name] for row in rows]
    if put["dtype"] == "STRING":
        return numpy.array([["" if cell is None else str(cell)] for cell in cells], dtype=object)
    if "unit" in put:
        known = {text: index + 1 for index, text in enumerate(put["categories"])}
        parts = [cell.split() if put["unit"] == "words" else list(cell) for cell in cells]
        width = max(map(len, parts)) if isinstance(size, str) else size
        return numpy.array([[known[part] for part in row] + [0] * (width - len(row)) for row in parts], numpy.float32)
    if isinstance(cells[0], list):
        return numpy.array(cells, numpy.float32)
    return numpy.array([[numpy.nan if cell is None else days(cell)] for cell in cells], numpy.float32)


def days(cell):
    """A date as days since 1970, anything else as a number."""
    if isinstance(cell, str):
        return (numpy.datetime64(cell) - numpy.datetime64("1970-01-01")) / numpy.timedelta64(1, "D")
    return float(cell)


def worst_of(theirs, ours):
    """The largest difference of the outputs that both have; large numbers by their size."""
    worst, compared = 0.0, 0
    for name, expected in theirs.items():
        if name not in ours or not numpy.issubdtype(expected.dtype, numpy.floating):
            continue
        got = numpy.asarray(ours[name], numpy.float64).reshape(expected.shape)
        worst = max(worst, float(numpy.max(numpy.abs(got - expected) / numpy.maximum(1, numpy.abs(got)), initial=0)))
        compared += 1
    assert compared > 0, (list(theirs), list(ours))
    return worst


def ran(session, arrays):
    return dict(zip([put.name for put in session.get_outputs()], session.run(None, arrays), strict=True))


def check(ml, model, kind, folder, opsets=OPSETS):
    """Exports, checks and runs a model. Raises AssertionError, or what onnx and onnxruntime raise."""
    found = Found(kind.group, kind.name)
    folder = pathlib.Path(folder)
    for opset in opsets:
        path = folder / f"{model}-{opset}.onnx"
        written = ml.call("models.export", model=model, format="onnx", path=str(path), opset=opset, verify=opset == opsets[0])
        parsed = checked(path, written["opset"])
        card = json.loads(path.with_suffix(".json").read_text())
        assert json.loads({each.key: each.value for each in parsed.metadata_props}["card"])["inputs"] == card["inputs"]
        if opset not in (opsets[0], opsets[-1]):
            continue
        session = session_of(path)
        found.axes = symbols(session)
        for batch in BATCHES:
            worst = written["verification"]["maxAbsDiff"] if kind.decodes and opset == opsets[0] else compare(ml, model, kind, session, card, batch)
            found.difference[batch] = max(found.difference.get(batch, 0.0), worst)
        if "sequence" in found.axes and isinstance(kind.inputs, numpy.ndarray):
            found.lengths = at_other_lengths(ml, session, kind, path, card)
    again = folder / f"{model}-again.onnx"
    first = folder / f"{model}-{opsets[0]}.onnx"
    assert exported_again(ml, model, first, again, opsets[0]), "the same model gave another file"
    found.opsets = tuple(opsets)
    return found


def exported_again(ml, model, first, again, opset):
    """The name of a file is in its card: the same name, in another folder."""
    other = again.parent / "again" / first.name
    ml.call("models.export", model=model, format="onnx", path=str(other), opset=opset, verify=False)
    return first.read_bytes() == other.read_bytes()


def compare(ml, model, kind, session, card, batch):
    inputs = kind.inputs[:batch]
    if kind.decodes:
        whole = ran(session, feed(session, card, kind.inputs, previous_of(card, 64)))
        part = ran(session, feed(session, card, inputs, previous_of(card, 64)[:batch]))
        return worst_of(part, {name: value[:batch] for name, value in whole.items()})
    asked = inputs.tolist() if isinstance(inputs, numpy.ndarray) else inputs
    return worst_of(ran(session, feed(session, card, inputs)), ml.call("predict", model=model, inputs=asked)["outputs"])


def previous_of(card, rows):
    """Any tokens as those written so far."""
    (put,) = [put for put in card["inputs"] if put["name"] == "previous"]
    tokens = numpy.random.default_rng(5).integers(0, len(card["labels"]) - 1, (rows, *put["shape"][1:]))
    tokens[:, 0] = len(card["labels"])
    return tokens.astype(numpy.int64)


def at_other_lengths(ml, session, kind, path, card):
    """Runs at lengths that no training saw; our engine, which reads the file back, must answer the same."""
    imported = ml.call("models.import", format="onnx", path=str(path))["model"]["id"]
    name = session.get_inputs()[0].name
    good = []
    for length in LENGTHS:
        inputs = kind.inputs[:3]
        longer = numpy.concatenate([inputs] * 4, axis=1)[:, :length].astype(numpy.float32)
        previous = previous_of(card, 3) if kind.decodes else None
        if length > card_context(card):
            continue
        theirs = ran(session, feed(session, card, longer, previous))
        asked = {name: longer.tolist()}
        if previous is not None:
            asked["previous"] = {"dtype": "I64", "shape": list(previous.shape), "values": previous.flatten().tolist()}
        ours = ml.call("predict", model=imported, inputs=asked, executor="engine")["outputs"]
        worst = worst_of(theirs, ours)
        assert worst < 1e-5, (length, worst)
        good.append(length)
    ml.call("models.delete", model=imported)
    return tuple(good)


def check_policy(ml, model, policy, folder, rng, opsets=OPSETS):
    """The same of a policy: what it does, what it expects and what it remembers."""
    found = Found("policy", policy.name)
    for opset in opsets:
        path = pathlib.Path(folder) / f"{model}-{opset}.onnx"
        written = ml.call("models.export", model=model, format="onnx", path=str(path), opset=opset, verify=opset == opsets[0])
        checked(path, opset)
        if opset not in (opsets[0], opsets[-1]):
            continue
        assert opset != opsets[0] or written["verification"]["maxAbsDiff"] < 1e-5, written
        session = session_of(path)
        found.axes = symbols(session)
        for batch in BATCHES:
            found.difference[batch] = max(found.difference.get(batch, 0.0), compare_policy(ml, model, policy, session, rng, batch))
    first = pathlib.Path(folder) / f"{model}-{opsets[0]}.onnx"
    assert exported_again(ml, model, first, first.with_name(f"{model}-again.onnx"), opsets[0]), "the same policy gave another file"
    found.opsets = tuple(opsets)
    return found


def compare_policy(ml, model, policy, session, rng, batch):
    types = {put.name: put for put in session.get_inputs()}
    seen = policies.observed(policy.observation, rng, batch)
    whole = {"tensor(int64)": numpy.int64, "tensor(uint8)": numpy.uint8, "tensor(float)": numpy.float32}
    arrays, asked = {"observations": seen.astype(whole[types["observations"].type])}, {"observations": seen.tolist()}
    if policy.masked:
        mask = policies.masks(policy.action, rng, batch)
        arrays["mask"], asked["mask"] = mask.astype(bool), mask.tolist()
    states = [put for name, put in types.items() if name.startswith("state.")]
    if states:
        given = [(rng.normal(size=(batch, put.shape[1])) / 2).astype(numpy.float32) for put in states]
        arrays |= {put.name: value for put, value in zip(states, given, strict=True)}
        asked["state"] = [value.tolist() for value in given]
    theirs, ours = ran(session, arrays), ml.call("policy.act", model=model, **asked)
    if not numpy.issubdtype(theirs["actions"].dtype, numpy.floating):
        numpy.testing.assert_array_equal(theirs["actions"], numpy.asarray(ours["actions"]).reshape(theirs["actions"].shape))
    pairs = {name: ours[name] for name in ("actions", "values")}
    pairs |= {f"nextState.{index}": value for index, value in enumerate(ours.get("state") or [])}
    return worst_of(theirs, pairs)


def card_context(card):
    return card["backbone"].get("context", 10**9)

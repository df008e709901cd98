"""Small models of every kind that the catalog has, and rows to ask them about."""

import dataclasses
import pathlib
from typing import Any, Callable, Optional

import numpy

ROWS = 24
TIME = 9
TOKENS = 7


@dataclasses.dataclass(frozen=True)
class Kind:
    """A model to be made: what it learns from, and what it is asked about."""

    group: str
    name: str
    spec: dict
    data: Any
    inputs: Any
    """64 rows, as `predict` takes them."""
    target: Any = None
    axes: tuple = ("batch",)
    """The names that its inputs' axes have."""
    loss: Optional[str] = None
    decodes: bool = False
    """Whether `predict` writes an answer element by element, while the file gives one step of it."""


def draw(*shape):
    return numpy.random.default_rng(7).normal(size=shape).astype(numpy.float32)


IMAGE = {"x": (3, 16, 16)}
SEQUENCE = {"x": (TIME, 4), "axes": ("batch", "sequence"), "kind": "sequence"}
RECURRENT = {**SEQUENCE, "options": {"hidden": 6}}

# One of these for each backbone of the catalog: how a row looks, and options that keep it small.
BACKBONES: dict = {
    "mlp": {"x": (6,), "options": {"hidden": [8], "norm": "batch", "dropout": 0.1}},
    "cnn": {**IMAGE, "options": {"blocks": [{"channels": 4, "pool": "max"}, {"channels": 6}]}},
    "resnet": {**IMAGE, "options": {}},
    "mobilenet": {**IMAGE, "options": {}},
    "efficientnet": {**IMAGE, "options": {}},
    "vit": {**IMAGE, "options": {"patch": 8, "width": 16, "layers": 1, "heads": 2}},
    "rnn": RECURRENT,
    "lstm": RECURRENT,
    "gru": RECURRENT,
    "tcn": {**SEQUENCE, "options": {"channels": [6, 6]}},
    "transformer": {**SEQUENCE, "options": {"width": 8, "heads": 2, "layers": 1}},
    "embedding": {"kind": "tokens", "x": (TIME,), "options": {"vocabulary": TOKENS, "width": 5}, "axes": ("batch", "sequence")},
    "multimodal": {"kind": "columns", "x": (3, 8, 8), "options": {"branches": {"photo": {"type": "cnn", "blocks": [{"channels": 4}]}}}},
    "onnx": {"x": (3, 8, 8), "options": {}, "axes": ("batch",)},
}

classes = numpy.arange(ROWS) % 3
# One of these for each head: its pipeline, and what it learns.
HEADS: dict = {
    "classification": {"pipeline": "classification", "y": classes},
    "regression": {"pipeline": "regression", "y": draw(ROWS, 2)},
    "multilabel": {"pipeline": "multilabel", "y": (draw(ROWS, 3) > 0).astype(int)},
    "tagging": {"pipeline": "tagging", "y": numpy.arange(ROWS * TIME).reshape(ROWS, TIME) % 3, "of": "elements"},
    "seq2seq": {"pipeline": "seq2seq", "y": numpy.arange(ROWS * 4).reshape(ROWS, 4) % 5, "of": "translated"},
    "language": {"pipeline": "language", "y": None, "of": "past"},
    "reconstruction": {"pipeline": "reconstruction", "y": None, "options": {"latent": 2}},
    "contrastive": {"pipeline": "contrastive", "y": None, "options": {"dimensions": 4}},
    "supervisedContrastive": {"pipeline": "contrastive", "y": classes, "options": {"dimensions": 4}},
    "multitask": {"pipeline": "multitask", "y": "tasks"},
}

SEQUENCES = ("rnn", "lstm", "gru", "tcn", "transformer")
"""Heads that answer each element need one of these; the others are refused when the model is made."""
TRANSLATORS = ("rnn", "lstm", "gru", "transformer")


def fits(backbone, head):
    """Whether the catalog's two go together: heads of elements need elements."""
    of = HEADS[head].get("of")
    if of is None:
        return True
    return backbone in (TRANSLATORS if of == "translated" else SEQUENCES)


def rows_of(backbone, count):
    """`count` rows as the backbone sees them: by column, or one array."""
    about = BACKBONES[backbone]
    if about.get("kind") == "tokens":
        return numpy.random.default_rng(3).integers(1, TOKENS, (count, *about["x"]))
    if about.get("kind") == "columns":
        photos, sizes = draw(count, *about["x"]), draw(count)
        return [{"photo": photo.tolist(), "size": float(size)} for photo, size in zip(photos, sizes, strict=True)]
    return draw(count, *about["x"])


def combined(backbone, head, source=None):
    """The model of a backbone and a head."""
    about, wanted = BACKBONES[backbone], HEADS[head]
    options, axes = dict(about["options"]), about.get("axes", ("batch",))
    needs_tokens = head in ("seq2seq", "language")
    if needs_tokens:
        x, inputs = (numpy.random.default_rng(3).integers(1, TOKENS, (count, TIME)) for count in (ROWS, 64))
        options |= {"vocabulary": TOKENS, "width": 8}
        if head == "language":
            inputs = inputs[:, : TIME - 1]
    else:
        x, inputs = rows_of(backbone, ROWS), rows_of(backbone, 64)
    if source is not None:
        options["model"] = source
    spec = {"pipeline": wanted["pipeline"], "backbone": {"type": backbone, **options}, "seed": 1}
    if about.get("kind") not in ("tokens", "columns") and not needs_tokens:
        spec["preprocess"] = "none"
    if head != wanted["pipeline"] or wanted.get("options"):
        spec["head"] = {"type": head, **wanted.get("options", {})}
    if head == "contrastive" and backbone == "embedding":
        spec["head"] |= {"noise": 0, "mask": 0}
    if head == "reconstruction":
        axes = ("batch",)  # it learned as many numbers as its rows had
    target, data = None, {"x": as_list(x)}
    if isinstance(wanted["y"], str):
        rows = [dict(row) if isinstance(row, dict) else {"x": as_list(row)} for row in x]
        data = [{**row, "kind": "abc"[i % 3], "weight": float(i)} for i, row in enumerate(rows)]
        target = ["kind", "weight"]
        spec["head"] = {"type": head, "tasks": {"kind": "classification", "weight": "regression"}}
    elif isinstance(x, list):
        data = [{**row, **({} if wanted["y"] is None else columns(wanted["y"][i]))} for i, row in enumerate(x)]
        target = None if wanted["y"] is None else list(columns(wanted["y"][0]))
    elif wanted["y"] is not None:
        data["y"] = wanted["y"].tolist()
    loss = {"supervisedContrastive": "supervisedContrastive"}.get(head)
    return Kind("backbone and head", f"{backbone}, {head}", spec, data, inputs, target, axes, loss, head == "seq2seq")


def columns(y):
    """A target as columns of a row."""
    values = numpy.atleast_1d(y).tolist()
    return {f"y{index}": value for index, value in enumerate(values)} if len(values) > 1 else {"y": values[0]}


def as_list(x):
    return x.tolist() if isinstance(x, numpy.ndarray) else x


def with_options():
    """What a backbone's options change in the file: kinds of sequences, positions, lengths, summaries, texts."""
    tokens = numpy.random.default_rng(3).integers(1, TOKENS, (64, TIME))
    padded = tokens.copy()
    padded[::2, 6:] = 0
    vectors = draw(64, TIME, 4)
    target = (numpy.arange(64) % 3).tolist()

    def kind(name, backbone, x, preprocess="none", axes=("batch", "sequence"), **more):
        spec = {"pipeline": "classification", "backbone": backbone, "seed": 1, "preprocess": preprocess, **more}
        return Kind("options", name, spec, {"x": x.tolist(), "y": target}, x, None, axes)

    transformer = {"type": "transformer", "width": 8, "heads": 2, "layers": 1}
    for positions in ("learned", "sinusoidal", "rotary", "none"):
        # learned positions end at the length that the data had
        axes = ("batch",) if positions == "learned" else ("batch", "sequence")
        yield kind(f"transformer, {positions} positions", {**transformer, "positions": positions, "vocabulary": TOKENS}, tokens, axes=axes)
    yield kind("transformer, learned positions up to 20", {**transformer, "positions": "learned", "vocabulary": TOKENS, "context": 20}, tokens)
    for summary in ("last", "mean", "max"):
        yield kind(f"transformer decoder, {summary}", {**transformer, "kind": "decoder", "summary": summary}, vectors)
    yield kind("transformer, padding", {**transformer, "vocabulary": TOKENS, "padding": 0}, padded)
    yield kind("transformer, two key heads of four", {**transformer, "heads": 4, "keyHeads": 2, "norm": "rms"}, vectors)
    for cell in ("rnn", "lstm", "gru"):
        both = {"type": cell, "hidden": 5, "layers": 2, "bidirectional": True}
        yield kind(f"{cell}, two layers, both ways", both, vectors)
        yield kind(f"{cell}, padding, mean", {**both, "vocabulary": TOKENS, "padding": 0, "summary": "mean"}, padded)
    yield kind("tcn, padding, max", {"type": "tcn", "channels": [6], "vocabulary": TOKENS, "padding": 0, "summary": "max"}, padded)
    yield kind("tcn, batch norm", {"type": "tcn", "channels": [6], "norm": "batch"}, vectors)
    yield kind("lstm, standardised", {"type": "lstm", "hidden": 5}, vectors, preprocess="standardise")
    lengths = {"type": "gru", "hidden": 5, "lengths": "length"}
    rows = [{"x": row.tolist(), "length": 2 + i % 7} for i, row in enumerate(vectors)]
    data = [{**row, "y": "abc"[i % 3]} for i, row in enumerate(rows)]
    yield Kind("options", "gru, a column of lengths", {"pipeline": "classification", "backbone": lengths, "seed": 1}, data, rows, "y", None)
    words = [{"text": " ".join("abcdefg"[t] for t in row)} for row in tokens]
    tagged = [{**row, "y": "abc"[i % 3]} for i, row in enumerate(words)]
    spec = {"pipeline": "classification", "backbone": {**transformer}, "preprocess": {"columns": {"text": [{"type": "tokens", "unit": "words"}]}}, "seed": 1}
    yield Kind("options", "transformer, words of a text", spec, tagged, words, "y", ("batch", "sequence"))


NUMBERS = {
    "impute": ["impute"],
    "clip": [{"type": "clip", "low": -1, "high": 1}],
    "log": ["log"],
    "standardise": ["standardise"],
    "minMax": ["minMax"],
    "none": ["none"],
    "oneHot": ["oneHot"],
}


def with_preprocessing():
    """Each step of preprocessing by itself, and all that a table may need."""
    numbers = numpy.round(draw(64) * 3, 1).tolist()
    words = ["ab", "cd", "ef", "grün, dunkel"]
    for step, steps in NUMBERS.items():
        gaps = step == "impute"
        rows = [{"size": None if gaps and i % 5 == 1 else value, "other": value / 2} for i, value in enumerate(numbers)]
        if step == "oneHot":
            rows = [{**row, "size": words[i % 4]} for i, row in enumerate(rows)]
        spec = {"pipeline": "classification", "backbone": {"type": "mlp", "hidden": [6]}, "seed": 1}
        spec["preprocess"] = {"columns": {"size": steps if step != "none" else "none"}}
        data = [{**row, "y": "no yes".split()[i % 2]} for i, row in enumerate(rows)]
        yield Kind("preprocessing", step, spec, data, rows, "y")
    table = [
        {
            "size": None if i % 7 == 0 else value,
            "kind": None if i % 9 == 0 else words[i % 4],
            "ripe": i % 3 == 0,
            "picked": f"2024-0{1 + i % 9}-1{i % 10}",
        }
        for i, value in enumerate(numbers)
    ]
    data = [{**row, "price": i * 1.5} for i, row in enumerate(table)]
    spec = {"pipeline": "regression", "backbone": {"type": "mlp", "hidden": [6]}, "seed": 1}
    yield Kind("preprocessing", "a table with gaps", spec, data, [row for row in table], "price")
    letters = [{"word": "".join("abcd"[(i + j) % 4] for j in range(1 + i % 5))} for i in range(64)]
    spec = {"pipeline": "classification", "backbone": {"type": "lstm", "hidden": 5}, "preprocess": {"columns": {"word": "tokens"}}, "seed": 1}
    data = [{**row, "y": "no yes".split()[i % 2]} for i, row in enumerate(letters)]
    yield Kind("preprocessing", "tokens", spec, data, letters, "y", ("batch", "sequence"))


COMBINATIONS = ("average", "vote", "stack")


def write_source(folder):
    """A small network of somebody else's, for the backbone `onnx`."""
    import logging
    import warnings

    import torch

    torch.manual_seed(0)
    conv = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    network = torch.nn.Sequential(conv, torch.nn.Linear(4, 10)).eval()
    path = str(pathlib.Path(folder) / "source.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        options = {"input_names": ["image"], "dynamic_axes": {"image": {0: "batch"}}, "opset_version": 17, "dynamo": False}
        torch.onnx.export(network, (torch.zeros(1, 3, 8, 8),), path, **options)
    return path


Maker = Callable[[], str]

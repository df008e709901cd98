"""What each call says: Python arguments in, method and params out. Shared by both faces.

Options are written as Python writes them (``batch_size=64``) and travel as the wire has them (``batchSize``); dicts
travel as they are, so that what the catalog says of an optimizer's options holds here too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional, Union

if TYPE_CHECKING:
    from ._types import DataDescription

Params = Dict[str, Any]


class Request(NamedTuple):
    method: str
    params: Params
    #: The member of the answer that the caller is after; ``None`` for all of it.
    member: Optional[str] = None


class Handle(str):
    """A handle that ``put`` gave, with the ``description`` of the data that it stands for."""

    description: DataDescription

    def __new__(cls, handle: str, description: DataDescription) -> Handle:
        self = super().__new__(cls, handle)
        self.description = description
        return self


class Summary(dict):  # type: ignore[type-arg]
    """What ``models.summary`` answers; as text it is the table."""

    def __str__(self) -> str:
        return str(self["table"])


def wire_name(name: str) -> str:
    """``batch_size`` → ``batchSize``; ``lambda_`` → ``lambda``."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def options(given: Mapping[str, Any]) -> Params:
    """Keyword arguments under their wire names; what is ``None`` was not given."""
    return {wire_name(name): value for name, value in given.items() if value is not None}


def data_reference(data: Any, target: Any = None) -> Any:
    """Where data is: a builtin set's name, a file's path, ``(x, y)``, rows, a handle, or a reference as the wire has it."""
    if isinstance(data, Handle):
        return {"handle": str(data)}
    if isinstance(data, os.PathLike):
        return _file(os.path.abspath(os.fspath(data)), target)
    if isinstance(data, str):
        return _file(data, target) if _file_form(data) else {"builtin": data}
    if isinstance(data, tuple) and len(data) == 2:
        return {"x": data[0], "y": data[1]}
    if isinstance(data, list):
        return {"rows": data, **options({"target": target})}
    return data


_FILE_FORMS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def _file_form(path: str) -> Optional[str]:
    return _FILE_FORMS.get(os.path.splitext(path)[1].lower())


def _file(path: str, target: Any) -> Params:
    form = _file_form(path)
    if form is None:
        raise ValueError(f"cannot tell from the name what {path} holds; say so: {{'csv': {{'path': …, 'target': …}}}}")
    return {form: {"path": path, **options({"target": target})}}


def initialize(version: str, max_line_bytes: int) -> Request:
    return Request(
        "runtime.initialize",
        {
            "client": {"name": "ml_sidecar (Python)", "version": version},
            "parentPid": os.getpid(),
            "limits": {"maxLineBytes": max_line_bytes},
        },
    )


def create(pipeline: str, backbone: Any, name: Optional[str], given: Mapping[str, Any]) -> Request:
    backbone = {"type": backbone} if isinstance(backbone, str) else backbone
    return Request(
        "models.create", options({"name": name, "pipeline": pipeline, "backbone": backbone, **given}), "model"
    )


def load(path: Union[str, "os.PathLike[str]"]) -> Request:
    return Request("models.load", {"path": os.fspath(path)}, "model")


def save(model: str, path: Union[str, "os.PathLike[str]"]) -> Request:
    return Request("models.save", {"model": model, "path": os.fspath(path)})


def export(model: str, path: Any, format: str, given: Mapping[str, Any]) -> Request:
    path = None if path is None else os.fspath(path)
    data = None if given.get("data") is None else data_reference(given["data"], given.get("target"))
    rest = {name: value for name, value in given.items() if name not in ("data", "target")}
    return Request("models.export", options({"model": model, "format": format, "path": path, "data": data, **rest}))


def put(data: Any, target: Any) -> Request:
    return Request("data.put", data_reference(data, target))


def train(model: str, data: Any, target: Any, validation: Any, given: Mapping[str, Any]) -> Request:
    if validation is not None and not isinstance(validation, (int, float)):
        validation = data_reference(validation, target)
    params = {"model": model, "data": data_reference(data, target), **options({"validation": validation, **given})}
    return Request("train.start", params, "job")


def predict(model: str, inputs: Any) -> Request:
    return Request("predict", {"model": model, "inputs": inputs}, "outputs")


def generate(model: str, prompt: Any, given: Mapping[str, Any]) -> Request:
    return Request("generate", options({"model": model, "prompt": prompt, **given}))


def write(model: str, prompt: Any, given: Mapping[str, Any]) -> Request:
    return Request("generate.start", options({"model": model, "prompt": prompt, **given}), "job")


def evaluate(model: str, data: Any, target: Any) -> Request:
    return Request("evaluate", {"model": model, "data": data_reference(data, target)})


def summary(model: str, given: Mapping[str, Any]) -> Request:
    shape = given.get("input")
    shape = {"shape": list(shape)} if isinstance(shape, (list, tuple)) else shape
    return Request("models.summary", options({"model": model, **given, "input": shape}))


def inspect(model: str, what: Any, inputs: Any, data: Any, target: Any, given: Mapping[str, Any]) -> Request:
    what = [what] if isinstance(what, str) else list(what)
    layers = given.get("layers")
    layers = [layers] if isinstance(layers, str) else layers
    data = None if data is None else data_reference(data, target)
    return Request(
        "models.inspect", options({"model": model, "what": what, "inputs": inputs, "data": data, **given, "layers": layers})
    )


def explain(model: str, inputs: Any, method: str, given: Mapping[str, Any]) -> Request:
    return Request("models.explain", options({"model": model, "inputs": inputs, "method": method, **given}))


def with_deadline(params: Mapping[str, Any], timeout: Optional[float]) -> Mapping[str, Any]:
    """The same params, with the deadline in the place where the sidecar looks for it."""
    if timeout is None:
        return params
    meta = {**params.get("_meta", {}), "timeoutMs": max(0, round(timeout * 1000))}
    return {**params, "_meta": meta}

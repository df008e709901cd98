"""Gymnasium's spaces as the wire has them, and values of them there and back.

Spaces are told apart by the names of their classes, so that neither Gymnasium nor NumPy is imported.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Sequence, Tuple

from .errors import SidecarError, from_wire

_PLAIN = ("Discrete", "MultiDiscrete", "MultiBinary", "Box")
_WIDE_HINT = "flatten or replace it with a wrapper, such as gymnasium.wrappers.FlattenObservation"


class Codec:
    """A space on its way: ``wire`` is its form in ``rl.create``."""

    def __init__(self, space: Any, wire: Dict[str, Any], kind: str) -> None:
        self.space = space
        self.wire = wire
        self.kind = kind

    # -- observations --------------------------------------------------------------------------------------------------

    def encode(self, batch: Any, count: int) -> Any:
        """Observations of ``count`` copies, as vector environments give them, as one tensor of the wire."""
        if self.kind == "composite":
            return [flatten(self.space, _row(self.space, batch, index)) for index in range(count)]
        if hasattr(batch, "astype") and batch.dtype != object:
            if self.kind == "Box":
                wanted = "uint8" if self.wire["dtype"] == "U8" else "float32"
                return batch if batch.dtype == wanted else batch.astype(wanted)
            return self._counted(batch.reshape((count, -1)) if len(self.wire_shape) else batch)
        return self.encode_rows([batch[index] for index in range(count)])

    def encode_rows(self, rows: Sequence[Any]) -> Any:
        """Observations one by one, as environments that are not vectorised give them."""
        if self.kind == "composite":
            return [flatten(self.space, row) for row in rows]
        if self.kind == "Box":
            return _joined(rows)
        if self.kind == "Discrete":
            return [int(row) for row in rows]
        start = _numbers(getattr(self.space, "start", 0) or 0)
        flat = [[int(number) for number in _numbers(row)] for row in rows]
        return [[number - start[place % len(start)] for place, number in enumerate(row)] for row in flat]

    def _counted(self, batch: Any) -> Any:
        start = getattr(self.space, "start", 0) if self.kind == "MultiDiscrete" else 0
        return batch if start is None else (batch - _flat_array(start)).astype("int32")

    @property
    def wire_shape(self) -> Tuple[int, ...]:
        return () if self.kind == "Discrete" else (1,)

    def is_single(self, value: Any) -> bool:
        """Whether a value is of one copy, rather than of many."""
        space = self.space
        while _kind(space) in ("Dict", "Tuple"):
            first = next(iter(_parts(space)))
            space, value = first[1], value[first[0]]
        return len(_shape(value)) == len(_own_shape(space))

    # -- actions -------------------------------------------------------------------------------------------------------

    def decode(self, actions: Any) -> Any:
        """Actions of all copies as a vector environment takes them."""
        if not hasattr(actions, "astype"):
            return [self.decode_row(actions, index) for index in range(len(actions))]
        dtype = getattr(self.space, "dtype", None) or ("float32" if self.kind == "Box" else "int64")
        shaped = actions.reshape((len(actions), *_own_shape(self.space)))
        if self.kind == "MultiDiscrete" and getattr(self.space, "start", None) is not None:
            shaped = shaped + self.space.start
        return shaped.astype(dtype)

    def decode_row(self, actions: Any, index: int) -> Any:
        """One copy's action as an environment takes it."""
        if self.kind == "Discrete":
            return int(actions[index])
        if hasattr(actions, "astype"):
            return self.decode(actions[index : index + 1])[0]
        row = actions[index].tolist()
        if self.kind != "MultiDiscrete":
            return row
        start = _numbers(getattr(self.space, "start", 0) or 0)
        return [number + start[place % len(start)] for place, number in enumerate(row)]


def observation_codec(space: Any, name: str = "observation_space") -> Codec:
    """Raises ``InvalidParamsError`` that names the space, or the part of it, that policies cannot see."""
    kind = _kind(space)
    if kind in _PLAIN:
        return Codec(space, _wire(space, kind, name), kind)
    if kind in ("Dict", "Tuple"):
        return Codec(space, {"type": "box", "shape": [_width(space, name)]}, "composite")
    raise _refused(space, name, "Box, Discrete, MultiDiscrete, MultiBinary, or Dict or Tuple of those", _WIDE_HINT)


def action_codec(space: Any, name: str = "action_space") -> Codec:
    """Raises ``InvalidParamsError`` that names a space that policies cannot act in."""
    kind = _kind(space)
    if kind in _PLAIN:
        return Codec(space, _wire(space, kind, name), kind)
    hint = "let the environment take one array, with gymnasium.wrappers.TransformAction or a wrapper of your own"
    raise _refused(space, name, "Box, Discrete, MultiDiscrete or MultiBinary", hint)


def _wire(space: Any, kind: str, name: str) -> Dict[str, Any]:
    if kind == "Discrete":
        start = int(getattr(space, "start", 0) or 0)
        return {"type": "discrete", "n": int(space.n), **({"start": start} if start else {})}
    if kind == "MultiDiscrete":
        return {"type": "multiDiscrete", "nvec": [int(number) for number in _numbers(space.nvec)]}
    if kind == "MultiBinary":
        return {"type": "multiBinary", "n": math.prod(_own_shape(space))}
    if 0 in space.shape:
        raise _refused(space, name, "at least one number", "leave it out, or give it a size")
    dtype = "U8" if str(getattr(space, "dtype", "float32")) == "uint8" else "F32"
    bounds = {side: _bounds(getattr(space, side, default)) for side, default in (("low", -math.inf), ("high", math.inf))}
    return {"type": "box", "shape": [int(size) for size in space.shape], "dtype": dtype, **bounds}


def _bounds(given: Any) -> Any:
    """One number where all are equal."""
    numbers = [float(number) for number in _numbers(given)]
    return numbers[0] if len(set(numbers)) == 1 else numbers


def flatten(space: Any, value: Any) -> List[float]:
    """A value of any space as numbers, choices one-hot, as ``gymnasium.spaces.flatten`` has them."""
    kind = _kind(space)
    if kind in ("Dict", "Tuple"):
        return [number for key, part in _parts(space) for number in flatten(part, value[key])]
    if kind in ("Box", "MultiBinary"):
        return [float(number) for number in _numbers(value)]
    counts = [int(space.n)] if kind == "Discrete" else [int(count) for count in _numbers(space.nvec)]
    starts = [int(number) for number in _numbers(getattr(space, "start", 0) or 0)]
    flat: List[float] = []
    for place, (count, number) in enumerate(zip(counts, _numbers(value))):
        chosen = int(number) - starts[place % len(starts)]
        flat += [1.0 if choice == chosen else 0.0 for choice in range(count)]
    return flat


def _width(space: Any, name: str) -> int:
    kind = _kind(space)
    if kind in ("Dict", "Tuple"):
        return sum(_width(part, f"{name}[{key!r}]") for key, part in _parts(space))
    if kind in ("Box", "MultiBinary"):
        return math.prod(_own_shape(space))
    if kind == "Discrete":
        return int(space.n)
    if kind == "MultiDiscrete":
        return sum(int(count) for count in _numbers(space.nvec))
    raise _refused(space, name, "Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple", _WIDE_HINT)


def _kind(space: Any) -> str:
    names = [each.__name__ for each in type(space).__mro__]
    return next((kind for kind in (*_PLAIN, "Dict", "Tuple") if kind in names), names[0])


def _parts(space: Any) -> Any:
    parts = space.spaces
    return list(parts.items()) if hasattr(parts, "items") else list(enumerate(parts))


def _row(space: Any, batch: Any, index: int) -> Any:
    if _kind(space) in ("Dict", "Tuple") and not _is_object_array(batch):
        return {key: _row(part, batch[key], index) for key, part in _parts(space)}
    return batch[index]


def _is_object_array(batch: Any) -> bool:
    return getattr(batch, "dtype", None) == object


def _own_shape(space: Any) -> Tuple[int, ...]:
    kind = _kind(space)
    if kind == "Discrete":
        return ()
    if kind == "MultiBinary" and getattr(space, "shape", None) is None:
        return (int(space.n),)
    if kind == "MultiDiscrete" and getattr(space, "shape", None) is None:
        return (len(space.nvec),)
    return tuple(int(size) for size in space.shape)


def _shape(value: Any) -> Tuple[int, ...]:
    if hasattr(value, "shape"):
        return tuple(value.shape)
    return (len(value), *_shape(value[0])) if isinstance(value, (list, tuple)) and value else ()


def _numbers(value: Any) -> List[Any]:
    """All numbers of nested lists or of an array, in C order."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)) or (hasattr(value, "__iter__") and not isinstance(value, str)):
        return [number for item in value for number in _numbers(item)]
    return [value]


def _flat_array(start: Any) -> Any:
    return start.reshape(-1) if hasattr(start, "reshape") else start


def _joined(rows: Sequence[Any]) -> Any:
    """Boxes of single environments as one array where they are arrays, else as nested lists."""
    if not hasattr(rows[0], "astype"):
        return [row.tolist() if hasattr(row, "tolist") else row for row in rows]
    import numpy

    stacked = numpy.stack(rows)
    return stacked if stacked.dtype == "uint8" else stacked.astype("float32", copy=False)


def _refused(space: Any, name: str, expected: str, hint: str) -> SidecarError:
    return from_wire({
        "code": -32602,
        "message": f"`{name}` is a space that a policy cannot handle: {space}",
        "data": {
            "reason": "INVALID_PARAMS",
            "violations": [{"path": name, "message": f"{type(space).__name__} is not supported", "expected": expected, "got": str(space)}],
            "hint": hint,
        },
    })  # fmt: skip

"""The wire's answers as Python values: tensors as NumPy arrays where NumPy can be imported, as ``Tensor`` otherwise.

An answer too long for a line stands in a file (``$spill``); it is read, and its checksum verified, in passing.
"""

from __future__ import annotations

import array
import base64
import hashlib
import json
import math
import struct
import sys
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import from_wire
from .tensor import DTYPES, Tensor

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

#: Fields that hold words: there "NaN" is somebody's label, not a number.
_WORDS = {
    "labels", "label", "classes", "categories", "name", "names", "columns", "target", "text", "id", "type", "path",
    "targets", "table", "kind", "message", "hint", "reason", "expected", "got", "enum", "const",
}  # fmt: skip

_NUMBERS = frozenset({int, float})


class Decoder:
    """Turns an answer's JSON into Python values. ``use_numpy``: ``None`` means when it can be imported."""

    def __init__(self, use_numpy: Optional[bool] = None) -> None:
        self._use_numpy = use_numpy
        self._numpy: Any = None

    def decode(self, value: Any) -> Any:
        if isinstance(value, str):
            return NON_FINITE.get(value, value)
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if isinstance(value, dict):
            if is_tensor(value):
                return self.tensor(value)
            if is_spill(value):
                return self.decode(read_spill(value["$spill"]))
            return {key: self._member(key, item) for key, item in value.items()}
        return value

    def _member(self, key: str, item: Any) -> Any:
        return item if key in _WORDS and not isinstance(item, dict) else self.decode(item)

    def tensor(self, wire: Mapping[str, Any]) -> Any:
        """A NumPy array or a ``Tensor``. Raises ``ValueError`` when the bytes don't fit dtype and shape."""
        dtype, shape = wire["dtype"], tuple(wire["shape"])
        stored = DTYPES[dtype]
        count = math.prod(shape)
        if "values" in wire:
            values = wire["values"]
            plain = type(values) is list and _NUMBERS.issuperset(map(type, values))
            return self._build(dtype, shape, values if plain else [_number(item) for item in _flat(values)])
        data = _read_part(wire["file"]) if "file" in wire else base64.b64decode(wire["b64"], validate=True)
        if len(data) != count * stored.size:
            raise ValueError(f"{dtype} {list(shape)} needs {count * stored.size} bytes, got {len(data)}")
        if dtype == "BF16":
            halves = struct.unpack(f"<{count}H", data)
            dtype, data = "F32", struct.pack(f"<{count}I", *(half << 16 for half in halves))
        numpy = self._import_numpy()
        if numpy is not None:
            # frombuffer's arrays are read-only; the caller's own copy is not.
            return numpy.frombuffer(data, dtype=_numpy_dtype(numpy, dtype)).reshape(shape).copy()
        return Tensor(dtype, shape, _unpack(dtype, data))

    def _build(self, dtype: str, shape: Tuple[int, ...], flat: List[Any]) -> Any:
        numpy = self._import_numpy()
        if numpy is None:
            return Tensor("F32" if dtype == "BF16" else dtype, shape, _packed(dtype, flat))
        return numpy.array(flat, dtype=_numpy_dtype(numpy, "F32" if dtype == "BF16" else dtype)).reshape(shape)

    def _import_numpy(self) -> Any:
        if self._use_numpy is not False and self._numpy is None:
            try:
                import numpy
            except ImportError:
                if self._use_numpy:
                    raise
                self._use_numpy = False
            else:
                self._numpy = numpy
        return self._numpy


def is_tensor(value: Mapping[str, Any]) -> bool:
    dtype = value.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES or not isinstance(value.get("shape"), list):
        return False
    return "values" in value or "b64" in value or "file" in value


def is_spill(value: Mapping[str, Any]) -> bool:
    spill = value.get("$spill")
    return isinstance(spill, dict) and isinstance(spill.get("sha256"), str)


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, list):
        for item in values:
            yield from _flat(item)
    else:
        yield values


def _number(item: Any) -> Any:
    if isinstance(item, str):
        return NON_FINITE[item] if item in NON_FINITE else int(item)
    return item


def _packed(dtype: str, flat: List[Any]) -> Sequence[Any]:
    code = DTYPES[dtype].code
    if code is None or code in "e?":
        return flat
    return array.array(code, flat if code in "fd" else map(int, flat))


def _unpack(dtype: str, data: bytes) -> Sequence[Any]:
    code = DTYPES[dtype].code or "f"
    if code in "e?":
        return struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)
    numbers = array.array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _numpy_dtype(numpy: Any, dtype: str) -> Any:
    code = DTYPES[dtype].code
    return numpy.dtype("?" if code == "?" else f"<{'f' if code in 'def' else 'u' if code == 'B' else 'i'}{DTYPES[dtype].size}")


def _read_part(part: Mapping[str, Any]) -> bytes:
    with open(part["path"], "rb") as file:
        file.seek(part.get("offset", 0))
        data = file.read(part["nbytes"])
    if len(data) != part["nbytes"]:
        raise ValueError(f"{part['path']} has {len(data)} of {part['nbytes']} bytes")
    return data


def read_spill(spill: Mapping[str, Any]) -> Any:
    """What the file holds. Raises ``InternalError`` when it is not what was written."""
    with open(spill["path"], "rb") as file:
        data = file.read()
    if len(data) != spill["bytes"] or hashlib.sha256(data).hexdigest() != spill["sha256"]:
        raise from_wire({
            "code": -32603,
            "message": f"the answer in {spill['path']} is not the one that was written: its checksum differs",
            "data": {"reason": "INTERNAL", "hint": "ask again, and see that nothing else writes to that folder"},
        })  # fmt: skip
    return json.loads(data) if spill["format"] == "json" else data

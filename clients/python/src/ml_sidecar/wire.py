"""Python values as the wire has them: tensors in base64, non-finite numbers and wide integers as strings.

NumPy is never imported: arrays of all kinds are read through the buffer protocol.
"""

from __future__ import annotations

import binascii
import datetime
import math
import os
import struct
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .tensor import DTYPES, Tensor

SAFE_INTEGER = 2**53 - 1

#: Buffer formats (`struct` codes, of native size or standard size) that travel as they are, by (code's kind, bytes).
_KINDS = {**dict.fromkeys("def", "F"), **dict.fromkeys("bhilqn", "I"), **dict.fromkeys("BHILQN", "U"), "?": "BOOL"}
_AS_IS = {
    ("F", 8): "F64", ("F", 4): "F32", ("F", 2): "F16",
    ("I", 8): "I64", ("I", 4): "I32", ("I", 2): "I16", ("I", 1): "I8",
    ("U", 1): "U8", ("BOOL", 1): "BOOL",
}  # fmt: skip
#: Unsigned integers that the wire lacks, widened: bytes -> (dtype, `array` code).
_WIDENED = {2: ("I32", "i"), 4: ("I64", "q"), 8: ("I64", "q")}
_UNSIGNED_CODES = {2: "H", 4: "I", 8: "Q"}


def to_wire(value: Any) -> Any:
    """The JSON form of a value: containers recursively, arrays as tensors, paths absolute, dates in ISO 8601.

    Raises ``TypeError`` with the type's name for what has no form on the wire.
    """
    convert = _TO_WIRE.get(type(value))
    return convert(value) if convert else _other_to_wire(value)


def _integer(value: int) -> Any:
    return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)


def _float(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _items(value: Sequence[Any]) -> List[Any]:
    return [to_wire(item) for item in value]


def _fields(value: Mapping[Any, Any]) -> Dict[Any, Any]:
    return {key: to_wire(item) for key, item in value.items()}


def _same(value: Any) -> Any:
    return value


_TO_WIRE: Dict[type, Callable[[Any], Any]] = {
    str: _same,
    bool: _same,
    type(None): _same,
    int: _integer,
    float: _float,
    list: _items,
    tuple: _items,
    dict: _fields,
    Tensor: lambda tensor: encode_flat(tensor.dtype, tensor.shape, tensor.data),
}


def _other_to_wire(value: Any) -> Any:
    """Types that are rarer, or that only their behaviour tells: paths, dates, buffers, NumPy scalars, subclasses."""
    if isinstance(value, os.PathLike):
        return os.path.abspath(os.fspath(value))
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if hasattr(value, "to_wire"):
        return value.to_wire()
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # NumPy's scalars
        return to_wire(value.item())
    try:
        buffer = memoryview(value)
    except (TypeError, ValueError, BufferError):
        buffer = None
    if buffer is not None:
        tensor = encode_buffer(buffer)
        if tensor is not None:
            return tensor
    plain: Any
    for plain in (str, int, float, list, tuple):
        if isinstance(value, plain):
            return _TO_WIRE[plain](plain(value))
    if isinstance(value, Mapping):
        return _fields(value)
    if hasattr(value, "tolist"):  # arrays of strings or objects
        return to_wire(value.tolist())
    if hasattr(value, "__array__"):
        return to_wire(value.__array__())
    raise TypeError(f"values of type {type(value).__name__} have no form on the wire; pass numbers, strings, lists, dicts or arrays")


def encode_buffer(buffer: memoryview) -> Optional[Dict[str, Any]]:
    """A buffer of numbers as a tensor in base64, C order and little-endian; ``None`` for other contents."""
    order, code = _split_format(buffer.format)
    kind = _KINDS.get(code)
    if kind is None:
        return None
    size = buffer.itemsize
    data = buffer.tobytes()
    if order != "little" and size > 1:
        data = _swapped(data, size)
    dtype = _AS_IS.get((kind, size))
    if dtype is None:
        if kind != "U":
            return None
        data, dtype = _widen(data, size)
    return _base64(dtype, buffer.shape or (), data)


def encode_flat(dtype: str, shape: Sequence[int], data: Sequence[Any]) -> Dict[str, Any]:
    """Numbers in C order as a tensor in base64."""
    code = DTYPES[dtype].code
    if code is None:
        raise TypeError(f"{dtype} has no form in Python; send F32")
    return _base64(dtype, shape, struct.pack(f"<{len(data)}{code}", *data))


def _base64(dtype: str, shape: Sequence[int], data: bytes) -> Dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "b64": binascii.b2a_base64(data, newline=False).decode("ascii")}


def _split_format(code: str) -> Tuple[str, str]:
    """Byte order and element code of a buffer's format."""
    if code[0] in "<>=@!":
        order = {"<": "little", ">": "big", "!": "big"}.get(code[0], sys.byteorder)
        return order, code[1:]
    return sys.byteorder, code


def _swapped(data: bytes, size: int) -> bytes:
    swapped = bytearray(len(data))
    for place in range(size):
        swapped[place::size] = data[size - 1 - place :: size]
    return bytes(swapped)


def _widen(data: bytes, size: int) -> Tuple[bytes, str]:
    dtype, _ = _WIDENED[size]
    count = len(data) // size
    numbers = struct.unpack(f"<{count}{_UNSIGNED_CODES[size]}", data)
    try:
        return struct.pack(f"<{count}{DTYPES[dtype].code}", *numbers), dtype
    except struct.error:
        raise TypeError("an unsigned 64-bit integer is too large for the wire's I64") from None

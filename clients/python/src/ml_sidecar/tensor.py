"""A tensor as the wire knows it: its dtypes, and the class that stands in where NumPy is not at hand."""

from __future__ import annotations

import math
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple


class Stored(NamedTuple):
    """How a dtype of the wire is stored: bytes an element, `struct` code (no code: widened on arrival)."""

    size: int
    code: Optional[str]


DTYPES = {
    "F64": Stored(8, "d"),
    "F32": Stored(4, "f"),
    "F16": Stored(2, "e"),
    "BF16": Stored(2, None),
    "I64": Stored(8, "q"),
    "I32": Stored(4, "i"),
    "I16": Stored(2, "h"),
    "I8": Stored(1, "b"),
    "U8": Stored(1, "B"),
    "BOOL": Stored(1, "?"),
}


class Tensor:
    """An answer's numbers where NumPy is not at hand: flat ``data`` in C order, and a ``shape``."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: Sequence[int], data: Sequence[Any]) -> None:
        self.dtype = dtype
        self.shape = tuple(shape)
        self.data = data
        if math.prod(self.shape) != len(data):
            raise ValueError(f"shape {list(self.shape)} needs {math.prod(self.shape)} elements, got {len(data)}")

    def tolist(self) -> Any:
        """Nested lists; a number for a scalar."""
        return _nested(list(self.data), self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar tensor has no length")
        return self.shape[0]

    def __getitem__(self, index: int) -> Any:
        """Along the first axis: a number from a vector, a tensor from anything larger."""
        rows = len(self)
        if not -rows <= index < rows:
            raise IndexError(f"index {index} is out of range for {rows} rows")
        width = math.prod(self.shape[1:])
        start = (index % rows) * width
        if len(self.shape) == 1:
            return self.data[start]
        return Tensor(self.dtype, self.shape[1:], self.data[start : start + width])

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __float__(self) -> float:
        if len(self.data) != 1:
            raise TypeError(f"a tensor of shape {list(self.shape)} is not one number")
        return float(self.data[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        return (self.dtype, self.shape, list(self.data)) == (other.dtype, other.shape, list(other.data))

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy

        return numpy.array(self.data, dtype=dtype).reshape(self.shape)

    def __repr__(self) -> str:
        shown = ", ".join(repr(value) for value in self.data[:6])
        return f"Tensor({self.dtype} {list(self.shape)} [{shown}{', …' if len(self.data) > 6 else ''}])"


def _nested(flat: List[Any], shape: Tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return flat
    width = math.prod(shape[1:])
    return [_nested(flat[row * width : (row + 1) * width], shape[1:]) for row in range(shape[0])]

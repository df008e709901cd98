"""Writes test/vectors/npy.json: files as NumPy writes them, in base64, and what is in them. Needs numpy."""

import base64
import io

import numpy as np

from written import write

grid = np.arange(6).reshape(2, 3) - 2

CASES = {
    "float64": grid / 4,
    "float32 in Fortran order": np.asfortranarray(grid.astype(np.float32)),
    "float16": np.array([1.5, -2, 65504, 6e-8], np.float16),
    "big-endian float64": (grid / 8).astype(">f8"),
    "big-endian int16": grid.astype(">i2"),
    "int64": grid.astype(np.int64) * 2**40,
    "int8": grid.astype(np.int8),
    "uint8": (grid + 250).astype(np.uint8),
    "uint16": (grid + 65530).astype(np.uint16),
    "uint32": (grid + 2**32 - 10).astype(np.uint32),
    "bool": grid > 0,
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 3), np.float32),
    "strings": np.array(["setosa", "grün", ""]),
    "strings in Fortran order": np.asfortranarray(np.array([["a", "b"], ["c", "d"]])),
    "bytes": np.array([b"yes", b"no"]),
}


def file_of(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return base64.b64encode(buffer.getvalue()).decode()


def value_of(array):
    items = np.asarray(array).flatten()
    return [item.decode() if isinstance(item, bytes) else item for item in items.astype(float if items.dtype == bool else items.dtype).tolist()]


write(
    "npy.json",
    {
        name: {"file": file_of(array), "shape": list(np.shape(array)), "values": value_of(array)}
        for name, array in CASES.items()
    },
)

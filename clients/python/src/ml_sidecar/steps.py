"""A run's steps as lines: what ``rl.step`` says is the same thousands of times a second, but for the numbers."""

from __future__ import annotations

import binascii
import json
from typing import Any, Dict, Mapping, Tuple

from .wire import encode_buffer, to_wire

#: How a tensor's line begins, by field, dtype and shape of the array that it came in; ``None`` for one that is no plain array.
_Key = Tuple[str, Any, Any]


class StepLines:
    """Lines of one run. ``line`` is called with what came of a group's last actions."""

    def __init__(self, run: str, groups: int) -> None:
        self._heads = [f',"method":"rl.step","params":{{"run":{json.dumps(run)},"group":{group}'.encode() for group in range(groups)]
        self._known: Dict[_Key, Any] = {}

    def line(self, id: int, group: int, told: Mapping[str, Any]) -> bytes:
        parts = [b'{"jsonrpc":"2.0","id":%d' % id, self._heads[group]]
        for name, value in told.items():
            parts += self._field(name, value)
        parts.append(b"}}\n")
        return b"".join(parts)

    def _field(self, name: str, value: Any) -> Tuple[bytes, ...]:
        try:
            key = (name, value.dtype, value.shape)
            head = self._known[key]
        except (AttributeError, KeyError, TypeError):
            return self._new_field(name, value)
        if head is None:
            return self._plain(name, value)
        try:
            return head, binascii.b2a_base64(value, newline=False), b'"}'
        except (BufferError, ValueError):  # rows that do not lie one after the other
            return head, binascii.b2a_base64(value.tobytes(), newline=False), b'"}'

    def _plain(self, name: str, value: Any) -> Tuple[bytes, ...]:
        return (f',"{name}":'.encode(), json.dumps(to_wire(value), separators=(",", ":"), allow_nan=False).encode("ascii"))

    def _new_field(self, name: str, value: Any) -> Tuple[bytes, ...]:
        """Remembers how arrays such as this one begin, where their bytes are what the wire wants."""
        if hasattr(value, "dtype") and hasattr(value, "tobytes"):
            self._known[name, value.dtype, value.shape] = _head(name, value)
        return self._plain(name, value)


def _head(name: str, array: Any) -> Any:
    try:
        wire = encode_buffer(memoryview(array))
    except (TypeError, ValueError, BufferError):
        return None
    if wire is None or binascii.a2b_base64(wire["b64"]) != array.tobytes():
        return None
    shape = ",".join(map(str, wire["shape"]))
    return f',"{name}":{{"dtype":"{wire["dtype"]}","shape":[{shape}],"b64":"'.encode()

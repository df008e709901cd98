"""One conversation, without any input or output: calls become lines, bytes become answers and events.

Both faces, ``Sidecar`` and ``AsyncSidecar``, drive a ``Session``; what differs between them is only how they wait.
"""

from __future__ import annotations

import itertools
import json
import logging
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional

from .answers import Decoder, is_spill, read_spill
from .errors import SidecarDiedError, SidecarError, from_wire
from .wire import to_wire

log = logging.getLogger("ml_sidecar")

#: Events kept for a slow reader. It asks for older ones again (``jobs.events``).
EVENTS_KEPT = 4096

LAST_EVENTS = frozenset({"job.completed", "job.failed", "job.cancelled"})


class Event(NamedTuple):
    """Something that happened in a job: ``seq`` counts from 1, ``time`` is ISO 8601, ``data`` depends on ``type``."""

    job_id: str
    seq: int
    time: str
    type: str
    data: Dict[str, Any]

    @property
    def is_last(self) -> bool:
        return self.type in LAST_EVENTS


class Call:
    """A request under way. ``settled`` turns true once, when ``result`` or ``error`` is there."""

    __slots__ = ("error", "id", "line", "on_settled", "result", "settled")

    def __init__(self, id: int, line: bytes, on_settled: Optional[Callable[[], None]]) -> None:
        self.id = id
        self.line = line
        self.on_settled = on_settled
        self.settled = False
        self.result: Any = None
        self.error: Optional[SidecarError] = None

    def settle(self, result: Any = None, error: Optional[SidecarError] = None) -> None:
        self.result, self.error, self.settled = result, error, True
        if self.on_settled:
            self.on_settled()


class Inbox:
    """Where a job's events wait for one reader, as long as there is one; the oldest give way when there are too many."""

    __slots__ = ("__weakref__", "events", "on_event")

    def __init__(self, on_event: Optional[Callable[[], None]] = None) -> None:
        self.events: Deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.on_event = on_event


class Session:
    def __init__(self, use_numpy: Optional[bool] = None) -> None:
        self.decoder = Decoder(use_numpy)
        self.calls: Dict[int, Call] = {}
        #: Why there will be no more answers; ``None`` while there may be.
        self.ended: Optional[SidecarError] = None
        #: Longest line that the sidecar takes, once it has said so.
        self.max_line_bytes: Optional[int] = None
        self._ids = itertools.count(1)
        self._inboxes: Dict[str, "weakref.WeakSet[Inbox]"] = {}
        self._rest: List[bytes] = []

    def begin(
        self,
        method: str,
        params: Mapping[str, Any],
        on_settled: Optional[Callable[[], None]] = None,
    ) -> Call:
        """Registers a call, whose ``line`` is then to be written. Raises when the line is longer than the sidecar takes."""
        return self.begin_line(
            lambda id: _line({"jsonrpc": "2.0", "id": id, "method": method, "params": to_wire(params)}), on_settled
        )

    def begin_line(self, write: Callable[[int], bytes], on_settled: Optional[Callable[[], None]] = None) -> Call:
        """The same for a line that the caller writes, given its id."""
        if self.ended:
            raise self.ended
        id = next(self._ids)
        line = write(id)
        if self.max_line_bytes is not None and len(line) > self.max_line_bytes:
            raise from_wire({
                "code": 1104,
                "message": f"the request is {len(line):,} bytes long, and the sidecar takes {self.max_line_bytes:,}",
                "data": {
                    "reason": "LIMIT_EXCEEDED",
                    "hint": "write the data to a .csv or .npy file and pass its path, or split it",
                },
            })  # fmt: skip
        call = Call(id, line, on_settled)
        self.calls[id] = call
        return call

    def cancellation(self, call: Call) -> bytes:
        """The line that cancels a call; its answer, if one still comes, is dropped."""
        self.calls.pop(call.id, None)
        return _line({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": call.id}})

    def subscribe(self, job_id: str, on_event: Optional[Callable[[], None]] = None) -> Inbox:
        """An inbox for a job's events from now on; dropping it ends the subscription."""
        inbox = Inbox(on_event)
        self._inboxes.setdefault(job_id, weakref.WeakSet()).add(inbox)
        return inbox

    def receive(self, chunk: bytes) -> None:
        """Takes the next bytes of the sidecar's output, cut anywhere."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._rest:
                self._rest.append(line)
                line = b"".join(self._rest)
                self._rest.clear()
            if line.strip():
                self._dispatch(line)
        if rest:
            self._rest.append(rest)

    def end(self, error: SidecarError) -> None:
        """No more will come: every call under way fails."""
        if self.ended is None:
            self.ended = error
        while self.calls:
            _, call = self.calls.popitem()
            call.settle(error=self.ended)
        for inboxes in list(self._inboxes.values()):
            for inbox in list(inboxes):
                if inbox.on_event:
                    inbox.on_event()

    def answer(self, call: Call) -> Any:
        """A settled call's result as Python values; or raises its error."""
        return self.decoder.decode(self.result(call))

    def result(self, call: Call) -> Any:
        """The same as the wire has it, but for one that stands in a file."""
        if call.error is not None:
            raise call.error
        is_apart = isinstance(call.result, dict) and is_spill(call.result)
        return read_spill(call.result["$spill"]) if is_apart else call.result

    def event(self, params: Mapping[str, Any]) -> Event:
        return Event(params["jobId"], params["seq"], params["t"], params["type"], self.decoder.decode(params["data"]))

    def _dispatch(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            log.warning("a line that is not JSON came from the sidecar: %r", line[:200])
            return
        if message.get("method") == "event":
            self._dispatch_event(message["params"])
            return
        call = self.calls.pop(message.get("id"), None)
        if call is None and message.get("id") is None and len(self.calls) == 1:
            # A line so broken that its id was not seen: it can only be the one under way.
            _, call = self.calls.popitem()
        if call is None:
            if "error" in message and message.get("id") is None:
                log.warning("the sidecar refused a line: %s", message["error"].get("message"))
            return
        if "error" in message:
            call.settle(error=from_wire(message["error"]))
            return
        call.settle(message.get("result"))

    def _dispatch_event(self, params: Mapping[str, Any]) -> None:
        inboxes = self._inboxes.get(params["jobId"])
        if not inboxes:
            return
        event = self.event(params)
        for inbox in list(inboxes):
            inbox.events.append(event)
            if inbox.on_event:
                inbox.on_event()
        if event.is_last:
            del self._inboxes[event.job_id]


def died(exit_code: Optional[int], stderr: str, meanings: Mapping[int, str]) -> SidecarDiedError:
    """The error for a sidecar that ended by itself, with the last that it said."""
    if exit_code is None:
        how = "closed its output"
    elif exit_code < 0:
        how = f"was ended by signal {-exit_code}"
    else:
        how = f"ended with code {exit_code}"
        if exit_code in meanings:
            how += f" ({meanings[exit_code]})"
    message = f"the sidecar {how}"
    if stderr.strip():
        message += ". Its last words on standard error:\n" + stderr.rstrip()
    return SidecarDiedError(message, exit_code=exit_code, stderr=stderr)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"

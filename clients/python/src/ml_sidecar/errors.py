"""What can go wrong: one exception for each reason of the wire, and two for the process itself.

The classes of the wire's reasons are generated into ``_reasons.py`` (``npm run docs``); all are
``SidecarError``, so that one ``except`` catches what the sidecar says, whatever its version.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional


class SidecarError(Exception):
    """An error answer. ``str(error)`` shows the message, each violation and the hint."""

    reason: str = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        reason: Optional[str] = None,
        violations: Optional[List[Dict[str, Any]]] = None,
        hint: Optional[str] = None,
        retryable: bool = False,
        data: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        if reason is not None:
            self.reason = reason
        #: Each has `path`, `message` and, where known, `expected` and `got`.
        self.violations = violations or []
        #: What to do next.
        self.hint = hint
        #: Whether the same call may succeed later, unchanged.
        self.retryable = retryable
        #: All of the wire error's `data`, facts such as the step of a divergence included.
        self.data = dict(data or {})

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  {violation.get('path') or 'params'}: {violation['message']}" for violation in self.violations]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class SidecarMissingError(SidecarError):
    """No sidecar to start; the message says how to get one."""

    reason = "SIDECAR_MISSING"


class SidecarDiedError(SidecarError):
    """The sidecar ended, or was closed, while an answer was due. ``stderr`` has its last lines."""

    reason = "SIDECAR_DIED"

    def __init__(self, message: str, *, exit_code: Optional[int] = None, stderr: str = "") -> None:
        super().__init__(message, hint="start a new Sidecar")
        self.exit_code = exit_code
        self.stderr = stderr


class WaitTimeoutError(SidecarError, TimeoutError):
    """The client waited as long as it was told to, and the sidecar had not answered."""

    reason = "WAIT_TIMEOUT"


#: The sidecar's exit codes in words.
EXIT_CODES = {
    0: "a clean end",
    3: "wrong usage",
    4: "a broken pipe",
    5: "its parent was gone",
    6: "its engine crashed",
    7: "its data directory is locked by another sidecar",
    70: "an internal error",
}


def from_wire(error: Mapping[str, Any]) -> SidecarError:
    """The exception for a JSON-RPC error object: its reason's class, or ``SidecarError`` for a reason we don't know."""
    from ._reasons import BY_REASON

    data = error.get("data")
    data = data if isinstance(data, Mapping) else {}
    reason = data.get("reason")
    return BY_REASON.get(str(reason), SidecarError)(
        error.get("message", "error"),
        code=error.get("code", 0),
        reason=reason,
        violations=data.get("violations"),
        hint=data.get("hint"),
        retryable=bool(data.get("retryable", False)),
        data=data,
    )

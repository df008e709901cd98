"""The child process: started, written to, read from, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional

from .errors import EXIT_CODES, SidecarError, SidecarMissingError
from .find import HOW_TO_GET_IT, Found
from .session import died

READ_SIZE = 1 << 16
STDERR_LINES_KEPT = 40
CLOSE_SECONDS = 5.0
CAN_POLL = hasattr(select, "poll") and os.name != "nt"
#: How long a reader looks before it sleeps.
AWAKE_SECONDS = 0.0005
yield_core = getattr(os, "sched_yield", lambda: None)


def spawn_options(cwd: Optional[str], env: Optional[Mapping[str, str]]) -> Dict[str, Any]:
    """Options of both faces: a process group of its own, so that Ctrl-C reaches the host alone and all of it can be ended."""
    options: Dict[str, Any] = {"cwd": cwd, "env": None if env is None else {**os.environ, **env}}
    if os.name == "nt":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]
    else:
        options["start_new_session"] = True
    return options


def end_group(pid: int) -> None:
    """Ends the child and what it started (npx starts a shell, which starts Node)."""
    try:
        if os.name == "nt":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


class StderrTail:
    """The last lines of standard error, kept for messages and passed on to whoever wants them."""

    def __init__(self, on_line: Optional[Callable[[str], None]]) -> None:
        self._lines: Deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self._on_line = on_line

    def add(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        self._lines.append(text[:2000])
        if self._on_line:
            self._on_line(text)

    def text(self) -> str:
        return "\n".join(self._lines)


def why_ended(found: Found, exit_code: Optional[int], stderr: str, answered: bool) -> SidecarError:
    """The error for an end that nobody asked for. npx that never answered has nothing to run."""
    if not answered and found.source == "npx":
        return SidecarMissingError(f"ml-sidecar was not found: npx has none installed.\n{HOW_TO_GET_IT}")
    return died(exit_code, stderr, EXIT_CODES)


class Child:
    """A spawned sidecar for the synchronous face. Reading is for one thread at a time; writing is for any."""

    def __init__(self, found: Found, cwd: Optional[str], env: Optional[Mapping[str, str]], on_line: Optional[Callable[[str], None]]) -> None:
        self.found = found
        try:
            self._process = subprocess.Popen(
                found.command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **spawn_options(cwd, env),
            )
        except OSError as error:
            raise SidecarMissingError(f"cannot start {found.command[0]!r}, from {found.source}: {error}\n{HOW_TO_GET_IT}") from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._writing = threading.Lock()
        self._poll = None
        if CAN_POLL:
            self._poll = select.poll()
            self._poll.register(self._stdout, select.POLLIN)
        self.stderr = StderrTail(on_line)
        self._draining = threading.Thread(target=_drain, args=(self._process.stderr, self.stderr), daemon=True)
        self._draining.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> Optional[int]:
        return self._process.poll()

    def write(self, line: bytes) -> bool:
        """Whether all of it was taken; not so once the child is gone."""
        rest = memoryview(line)
        with self._writing:
            try:
                while rest:
                    rest = rest[self._stdin.write(rest) :]
            except (OSError, ValueError):
                return False
        return True

    def read(self, deadline: Optional[float]) -> Optional[bytes]:
        """The next bytes; empty at the end of the output; ``None`` when the deadline (``time.monotonic``) comes first."""
        if deadline is not None and self._poll is not None:
            milliseconds = max(0.0, deadline - time.monotonic()) * 1000
            if not self._poll.poll(milliseconds):
                return None
        if self._poll is not None:
            self._stay_awake(self._poll)
        try:
            return os.read(self._stdout.fileno(), READ_SIZE)
        except (OSError, ValueError):
            return b""

    def _stay_awake(self, poll: Any) -> None:
        """Looks for a while before it sleeps: a core that has halted wakes slowly, and most answers are there at once."""
        end = time.perf_counter() + AWAKE_SECONDS
        while not poll.poll(0) and time.perf_counter() < end:
            yield_core()

    def close_stdin(self) -> None:
        """The word for "that was all": the sidecar stops its trainings and exits."""
        if not self._writing.acquire(timeout=1.0):
            end_group(self.pid)  # a write has been stuck: nobody reads at the other end
            self._writing.acquire()
        try:
            self._stdin.close()
        except OSError:
            pass
        finally:
            self._writing.release()

    def reap(self, deadline: float) -> Optional[int]:
        """The exit code; a child that is not gone by the deadline is ended."""
        try:
            code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            end_group(self._process.pid)
            code = self._process.wait()
        self._draining.join(1.0)
        return code

    def why_ended(self, answered: bool) -> SidecarError:
        return why_ended(self.found, self.reap(time.monotonic() + 1.0), self.stderr.text(), answered)

    def abandon(self) -> None:
        """For a client that was dropped without being closed, and for the interpreter's end."""
        self.close_stdin()
        self.reap(time.monotonic() + 2.0)

    def release(self) -> None:
        """Closes what is left of the pipes."""
        for pipe in (self._stdout, self._process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass


def _drain(pipe: Any, tail: StderrTail) -> None:
    rest = b""
    while True:
        try:
            chunk = os.read(pipe.fileno(), 1 << 16)
        except (OSError, ValueError):
            return
        if not chunk:
            if rest:
                tail.add(rest)
            return
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-(1 << 16) :]
        for line in lines:
            tail.add(line)

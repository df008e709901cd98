"""A training's progress in the terminal: one line that moves on standard error, or one line at the end where there is no terminal."""

from __future__ import annotations

import shutil
import sys
from typing import Any, Dict, List, Mapping, Optional, TextIO

from .session import Event

BAR_WIDTHS = range(4, 25)


class ProgressBar:
    """Shows the events that it is given; ``close`` leaves the last line standing."""

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._moves = bool(getattr(self._stream, "isatty", lambda: False)())
        self._facts: Dict[str, str] = {}
        self._fraction = 0.0
        self._line = ""

    def show(self, event: Event) -> None:
        self._read(event)
        width = shutil.get_terminal_size().columns - 1
        self._line = self._compose(event, width)
        if self._moves:
            self._stream.write(f"\r\x1b[2K{self._line[:width]}")
            self._stream.flush()

    def close(self) -> None:
        if self._line:
            self._stream.write("\n" if self._moves else f"{self._line}\n")
            self._stream.flush()
        self._line = ""

    def _read(self, event: Event) -> None:
        data = event.data
        if event.type == "train.epoch":
            epochs = data.get("epochs")
            self._facts["epoch"] = f"epoch {data['epoch']}" + (f"/{epochs}" if epochs else "")
            self._facts["numbers"] = " ".join(_numbers(data))
            if epochs:
                self._fraction = max(self._fraction, data["epoch"] / epochs)
        elif event.type == "rl.update":
            self._facts["numbers"] = " ".join(_returns(data))
            self._fraction = max(self._fraction, _fraction(data))
        elif event.type == "train.progress":
            self._fraction = max(self._fraction, _fraction(data))
        elif event.type == "job.completed":
            self._fraction = 1.0
        if event.is_last:
            self._facts.pop("left", None)
        elif data.get("secondsLeft") is not None:
            self._facts["left"] = f"{_duration(data['secondsLeft'])} left"
        if data.get("unit") == "steps" and data.get("rate"):
            self._facts["rate"] = f"{_short(data['rate'])} steps/s"
        if data.get("samplesPerSecond"):
            self._facts["rate"] = f"{_short(data['samplesPerSecond'])} samples/s"

    def _compose(self, event: Event, width: int) -> str:
        """The facts, and before them a bar as long as there is room for; in a narrow terminal the rate gives way."""
        facts = {name: self._facts[name] for name in ("epoch", "numbers", "rate", "left") if self._facts.get(name)}
        if event.is_last and event.type != "job.completed":
            facts["end"] = event.type.split(".")[1]
        text = f" {self._fraction:4.0%}  " + "  ".join(facts.values())
        if len(text) + BAR_WIDTHS[0] > width and facts.pop("rate", ""):
            text = f" {self._fraction:4.0%}  " + "  ".join(facts.values())
        length = min(max(width - len(text), BAR_WIDTHS[0]), BAR_WIDTHS[-1])
        full = round(length * min(1.0, self._fraction))
        return "█" * full + "░" * (length - full) + text


def _numbers(data: Mapping[str, Any]) -> List[str]:
    """Loss and the first metric, held-out values where there are any."""
    held_out = data.get("validation") or {}
    prefix = "held-out " if held_out else ""
    shown = [f"loss {data['loss']:.4g}"] if isinstance(data.get("loss"), (int, float)) else []
    metrics = held_out.get("metrics") or data.get("metrics") or {}
    shown += [f"{prefix}{name} {value:.3f}" for name, value in list(metrics.items())[:1] if isinstance(value, (int, float))]
    return shown


def _returns(data: Mapping[str, Any]) -> List[str]:
    """The mean return of the last 100 episodes, once one has ended."""
    value = data.get("charts/mean_return_100")
    return [f"return {value:.4g}"] if isinstance(value, (int, float)) else []


def _fraction(data: Mapping[str, Any]) -> float:
    if isinstance(data.get("fraction"), (int, float)):
        return float(data["fraction"])
    total = data.get("total")
    return data.get("done", 0) / total if total else 0.0


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _short(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"

"""Finding the sidecar: an argument, the environment, a local package, the search path, and npx last.

npx runs only what is already installed (``--no``): a client that fetches code by name and runs it would be a surprise.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Union

from .errors import SidecarMissingError

ENVIRONMENT_VARIABLE = "ML_SIDECAR"
SCRIPT_SUFFIXES = {".js", ".mjs", ".cjs"}

HOW_TO_GET_IT = f"""\
To get it (it needs Node 20.12 or newer, https://nodejs.org):
  in a clone of ml-sidecar:    npm ci
  in your own project folder:  npm install <path of that clone>
or say where it is: Sidecar(command=["node", "/path/to/ml-sidecar/dist/main.js"]), or the same command in the
environment variable {ENVIRONMENT_VARIABLE}."""

Command = Union[str, "os.PathLike[str]", Sequence[str]]


class Found(NamedTuple):
    """A command line, and where it came from, for messages."""

    command: List[str]
    source: str


def find(command: Optional[Command] = None) -> Found:
    """The command that starts the sidecar. Raises ``SidecarMissingError``, which says how to get it."""
    if command is not None:
        return Found(_command_line(command), "the argument `command`")
    from_environment = os.environ.get(ENVIRONMENT_VARIABLE)
    if from_environment:
        return Found(_from_environment(from_environment), f"the environment variable {ENVIRONMENT_VARIABLE}")
    for folder in _nearby_folders():
        script = folder / "dist" / "main.js"
        if script.is_file() and _is_our_package(folder):
            return Found(_command_line(script), str(script))
        installed = folder / "node_modules" / "ml-sidecar" / "dist" / "main.js"
        if installed.is_file():
            return Found(_command_line(installed), str(installed))
    on_path = shutil.which("ml-sidecar")
    if on_path:
        return Found([on_path], on_path)
    npx = shutil.which("npx")
    if npx:
        return Found([npx, "--no", "--", "ml-sidecar"], "npx")
    raise SidecarMissingError(f"ml-sidecar was not found, and neither was npx.\n{HOW_TO_GET_IT}")


def _nearby_folders() -> Iterator[Path]:
    """The working directory and its parents, then this file's: the client may stand inside a clone."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        yield start
        yield from start.parents


def _is_our_package(folder: Path) -> bool:
    try:
        return '"name": "ml-sidecar"' in (folder / "package.json").read_text(encoding="utf-8")
    except OSError:
        return False


def _command_line(command: Command) -> List[str]:
    if not isinstance(command, (str, os.PathLike)):
        return [os.fspath(word) for word in command]
    path = os.fspath(command)
    if Path(path).suffix in SCRIPT_SUFFIXES:
        return [_node(), path]
    return [path]


def _from_environment(value: str) -> List[str]:
    """A path is taken whole, spaces included; anything else is a command line."""
    if os.path.exists(value):
        return _command_line(value)
    return shlex.split(value, posix=os.name != "nt")


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise SidecarMissingError(f"`node` is not on PATH.\n{HOW_TO_GET_IT}")
    return node

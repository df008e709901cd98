"""Where the vectors go: test/vectors/, or the folder that VECTORS names when they are made only to be compared."""

import json
import os
import pathlib


def write(name, vectors):
    folder = pathlib.Path(os.environ.get("VECTORS") or pathlib.Path(__file__).parents[2] / "test" / "vectors")
    path = folder / name
    path.write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")

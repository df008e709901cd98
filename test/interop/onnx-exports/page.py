"""What came of every kind of model, as docs/onnx-export.md."""

import math

TITLES = {
    "backbone and head": "Backbones with heads",
    "options": "Options that change the file",
    "preprocessing": "Steps of preprocessing",
    "ensemble": "Ensembles",
    "policy": "Policies",
}

PREAMBLE = """# Models as ONNX files

<!-- Written by `npm run test:interop`'s export runner: see test/interop/onnx-exports. -->

`models.export {{"format":"onnx"}}` writes one file that takes raw columns: codes of categories, preprocessing, network and results
are inside. Each row of the tables below is a model that was trained for an epoch, exported, put through `onnx.checker` with
full checks at each opset, and run in onnxruntime {onnxruntime} (Python) at batches of 1, 7 and 64, at the first opset and the last;
the difference is the largest of any output from what `predict` answers, relative to the output where that is larger than 1.
`sequence` among the axes means that the file takes sequences of any length: where it says so, it was also run at lengths that
no training saw, {lengths} elements, and agreed within 1e-5 with our engine, which read the file back. The same model exported
twice gave the same bytes.

- IR version 8, opsets 17 to 21 (17 unless asked). A model made from an imported file keeps that file's opset and IR version.
- Weights keep their dotted paths as names (`backbone.layers.0.weight`); nodes are named by the layer whose weights they follow.
- `metadata_props` and `<name>.json` carry labels, preprocessing, metrics, provenance, and what the host says by `license`,
  `author` and `description`; the property `card` is the whole card.
- `weights: "F16"` stores matrices and kernels in 16 bits and casts them back where they are read: inputs, outputs and
  arithmetic stay float32, so that any runtime runs the file, at half its size. Expected to differ by less than 1e-2 of the
  results (`verification.tolerance`).
- Tensors of 1 KiB and more go to `<name>.onnx.data` where one file cannot hold them (from 2 GiB), or with `externalData: true`;
  each begins at a page of 4096 bytes.
- Sequences may have any length for recurrent, temporal convolutional and transformer networks and for embedded tokens, unless
  something of the model is as long as its rows: learned positions without `context`, preprocessing with numbers for each
  place, reconstruction. A transformer with a `context` takes sequences up to that.
"""


def page(found, onnxruntime_version, lengths):
    parts = [PREAMBLE.format(onnxruntime=onnxruntime_version, lengths=" and ".join(map(str, lengths)))]
    for group, title in TITLES.items():
        rows = [each for each in found if each.group == group]
        parts.append(f"## {title}\n\n| model | opsets | batch 1 | 7 | 64 | axes | other lengths |\n|---|---|---|---|---|---|---|")
        parts += [row(each) for each in rows]
        parts.append("")
    return "\n".join(parts)


def row(found):
    opsets = f"{found.opsets[0]} to {found.opsets[-1]}" if len(found.opsets) > 1 else str(found.opsets[0])
    differences = [rounded(found.difference[batch]) for batch in (1, 7, 64)]
    lengths = ", ".join(map(str, found.lengths))
    return f"| {' | '.join([found.name, opsets, *differences, ', '.join(found.axes), lengths])} |"


def rounded(difference):
    """Powers of ten: the digits before them change from machine to machine."""
    return "0" if difference == 0 else f"< {10.0 ** math.ceil(math.log10(difference)):.0e}"

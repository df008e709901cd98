"""Makes test/vectors/heads.json: what PyTorch computes, in float64, for the losses of heads that answer more than a number a
row, and for whole networks of sequences with lengths.

    .cache/torch/bin/python scripts/vectors/heads.py
"""

import torch
import torch.nn.functional as F
from torch import nn

from formula import integers, reals, rounded
from layers import Sinusoidal, block, layers, run_recurrent, whole
from written import write

torch.set_default_dtype(torch.float64)
torch.manual_seed(3)


def numbers(tensor):
    return [float(f"{value:.15g}") for value in tensor.detach().reshape(-1).tolist()]


def array(tensor):
    return {"shape": list(tensor.shape), "values": numbers(tensor)}


def spread(*shape):
    return (torch.randn(*shape) * 1.5).round(decimals=2)


ROWS, OUTPUTS, LEVELS, SIZE = 5, 2, [0.1, 0.5, 0.9], 3
TARGET = spread(ROWS, OUTPUTS)
CODES = torch.tensor([0, 1, 0, 2, 1])


def quantiles(raw):
    error = TARGET[:, :, None] - raw
    levels = torch.tensor(LEVELS)
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def gaussian(raw, full):
    return F.gaussian_nll_loss(raw[:, :, 0], TARGET, raw[:, :, 1].exp(), full=full)


def nt_xent(raw, temperature):
    """Chen et al. 2020, equation 1, as a cross-entropy over the other rows of both views."""
    z = torch.cat([raw[:, 0], raw[:, 1]])
    scores = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    rows = len(raw)
    return F.cross_entropy(scores, torch.cat([torch.arange(rows) + rows, torch.arange(rows)]))


def supervised(raw, temperature):
    """Khosla et al. 2020, equation 2, written row by row."""
    z, classes = torch.cat([raw[:, 0], raw[:, 1]]), torch.cat([CODES, CODES])
    scores = z @ z.T / temperature
    total = 0.0
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        friends = [p for p in others if classes[p] == classes[i]]
        log_sum = torch.logsumexp(scores[i, others], 0)
        total = total + sum(log_sum - scores[i, p] for p in friends) / len(friends)
    return total / len(z)


LOSSES = [
    ("quantile", {"quantiles": LEVELS}, [ROWS, OUTPUTS, len(LEVELS)], "values", quantiles),
    ("gaussianNll", {}, [ROWS, OUTPUTS, 2], "values", lambda raw: gaussian(raw, False)),
    ("gaussianNll", {"full": True}, [ROWS, OUTPUTS, 2], "values", lambda raw: gaussian(raw, True)),
    ("ntXent", {"temperature": 0.5}, [ROWS, 2, SIZE], "none", lambda raw: nt_xent(raw, 0.5)),
    ("supervisedContrastive", {"temperature": 0.7}, [ROWS, 2, SIZE], "classes", lambda raw: supervised(raw, 0.7)),
]


def loss(type, options, shape, target, function):
    raw = spread(*shape).requires_grad_()
    value = function(raw)
    value.backward()
    return {
        "type": type,
        "options": options,
        "target": target,
        "raw": array(raw),
        "loss": float(value.detach()),
        "dx": numbers(raw.grad),
    }


# Networks of sequences: our backbones' parameters under their own paths, from formula.py.
BATCH, TIME, FEATURES, WIDTH, HEADS = 3, 5, 2, 4, 2
LENGTHS = torch.tensor([2, 5, 3])
WITHIN = torch.arange(TIME)[None] < LENGTHS[:, None]
X = reals("x", [BATCH, TIME, FEATURES])
VOCABULARY, WRITTEN = 5, 4
PREVIOUS = integers("previous", [BATCH, WRITTEN], VOCABULARY)


def below(path, parameters):
    """The same parameters of a module that is part of another, ours under `path`."""
    return [(f"{path}.{ours}", theirs, rows, transposed) for ours, theirs, rows, transposed in parameters]


def fill(module, parameters):
    named = dict(module.named_parameters())
    with torch.no_grad():
        for path, theirs, rows, transposed in parameters:
            place = named[theirs][rows].T if transposed else named[theirs][rows]
            place.copy_(reals(path, list(place.shape)))
    return module


def recurrent(kind, module, count, both):
    directions = ("", "_reverse") if both else ("",)
    fill(module, below("backbone", layers(count, directions)))
    last = run_recurrent(module, X, LENGTHS)
    names = [f"last.{run}.0" for run in range(count * len(directions))][-len(directions) :]
    options = {"type": kind, "hidden": 3, "layers": count, "bidirectional": both, "lengths": "lengths"}
    return {"backbone": options, "y": torch.cat([last[name] for name in names], 1)}


def encoder_layer(path):
    made = nn.TransformerEncoderLayer(WIDTH, HEADS, 6, 0.0, "gelu", batch_first=True, norm_first=True)
    return fill(made, below(path, block(WIDTH, 2)))


def norm(path):
    return fill(nn.LayerNorm(WIDTH), below(path, [whole("weight", "weight"), whole("bias", "bias")]))


def encode():
    wide = fill(nn.Linear(FEATURES, WIDTH), [(f"backbone.input.{p}", p, slice(None), p == "weight") for p in ("weight", "bias")])
    x = encoder_layer("backbone.blocks.0")(Sinusoidal()(wide(X)), src_key_padding_mask=~WITHIN)
    return norm("backbone.norm")(x)


def transformer(kind):
    options = {"type": "transformer", "width": WIDTH, "heads": HEADS, "layers": 1, "feedForward": 6, "lengths": "lengths"}
    encoded = encode()
    if kind == "encoder":
        mean = (encoded * WITHIN[..., None]).sum(1) / LENGTHS[:, None]
        return {"backbone": {**options, "kind": kind}, "y": mean}
    tokens = Sinusoidal()(F.embedding(PREVIOUS, reals("backbone.written.weight", [VOCABULARY, WIDTH])))
    made = nn.TransformerDecoderLayer(WIDTH, HEADS, 6, 0.0, "gelu", batch_first=True, norm_first=True)
    decoder = fill(made, below("backbone.decoder.blocks.0", block(WIDTH, 3, cross=True)))
    future = torch.ones(WRITTEN, WRITTEN, dtype=torch.bool).triu(1)
    y = decoder(tokens, encoded, tgt_mask=future, memory_key_padding_mask=~WITHIN)
    return {"backbone": {**options, "kind": kind}, "y": norm("backbone.decoder.norm")(y)}


def networks():
    made = [
        recurrent("rnn", nn.RNN(FEATURES, 3, batch_first=True), 1, False),
        recurrent("lstm", nn.LSTM(FEATURES, 3, 2, batch_first=True, bidirectional=True), 2, True),
        recurrent("gru", nn.GRU(FEATURES, 3, batch_first=True, bidirectional=True), 1, True),
        transformer("encoder"),
        transformer("encoderDecoder"),
    ]
    return [{**each, "y": {"shape": list(each["y"].shape), "values": rounded(each["y"])}} for each in made]


if __name__ == "__main__":
    losses = [loss(*each) for each in LOSSES]
    shapes = {"x": [BATCH, TIME, FEATURES], "previous": [BATCH, WRITTEN], "vocabulary": VOCABULARY}
    sequences = {**shapes, "lengths": LENGTHS.tolist(), "networks": networks()}
    write(
        "heads.json",
        {"values": array(TARGET), "classes": CODES.tolist(), "losses": losses, "sequences": sequences},
    )

"""Makes test/vectors/heads.json: what PyTorch computes, in float64, for the losses of heads that answer more than a number a
row, and for whole networks of sequences with lengths.

    .cache/torch/bin/python scripts/vectors/heads.py
"""

import torch
import torch.nn.functional as F

from written import write

torch.set_default_dtype(torch.float64)
torch.manual_seed(3)


def numbers(tensor):
    return [float(f"{value:.15g}") for value in tensor.detach().reshape(-1).tolist()]


def array(tensor):
    return {"shape": list(tensor.shape), "values": numbers(tensor)}


def spread(*shape):
    return (torch.randn(*shape) * 1.5).round(decimals=2)


ROWS, OUTPUTS, LEVELS, WIDTH = 5, 2, [0.1, 0.5, 0.9], 3
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
    ("ntXent", {"temperature": 0.5}, [ROWS, 2, WIDTH], "none", lambda raw: nt_xent(raw, 0.5)),
    ("supervisedContrastive", {"temperature": 0.7}, [ROWS, 2, WIDTH], "classes", lambda raw: supervised(raw, 0.7)),
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


if __name__ == "__main__":
    losses = [loss(*each) for each in LOSSES]
    write("heads.json", {"values": array(TARGET), "classes": CODES.tolist(), "losses": losses})

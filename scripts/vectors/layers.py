"""Makes test/vectors/layers.json: what PyTorch computes, in float64, for every kind of layer with awkward options.

Outputs, gradients of inputs and parameters, and new running statistics; the numbers that go in come from formula.py.

    python3 -m venv .cache/torch && .cache/torch/bin/pip install torch==2.13.0 numpy
    .cache/torch/bin/python scripts/vectors/layers.py
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from formula import reals, rounded
from written import write

torch.set_default_dtype(torch.float64)


def whole(path, name, transposed=False):
    """Our parameter `path` is PyTorch's `name`; transposed where ours is [inputs, outputs]."""
    return path, name, slice(None), transposed


def linear(path, name=None):
    return [whole(f"{path}.weight", f"{name or path}.weight", True), whole(f"{path}.bias", f"{name or path}.bias")]


WEIGHT, BIAS = whole("weight", "weight"), whole("bias", "bias")


STATISTICS = {"running_mean": "runningMean", "running_var": "runningVariance"}


def case(name, layer, options, inputs, module, parameters=(), run=lambda module, x: module(x), training=True):
    """One entry: `inputs` are shapes of float tensors, or integer and Boolean tensors as they are."""
    module.train(training)
    named = dict(module.named_parameters())
    statistics = {ours: getattr(module, theirs, None) for theirs, ours in STATISTICS.items()}
    statistics = {path: buffer for path, buffer in statistics.items() if buffer is not None}
    with torch.no_grad():
        for path, theirs, rows, transposed in parameters:
            place = named[theirs][rows].T if transposed else named[theirs][rows]
            place.copy_(reals(path, list(place.shape)))
        for path, buffer in statistics.items():
            buffer.copy_(reals(path, list(buffer.shape)).abs())
    given = {
        key: value if isinstance(value, torch.Tensor) else reals(key, value).requires_grad_()
        for key, value in inputs.items()
    }
    outputs = run(module, *given.values())
    outputs = outputs if isinstance(outputs, dict) else {"y": outputs}
    sum((value * reals(f"gradient.{key}", list(value.shape))).sum() for key, value in outputs.items()).backward()
    gradients = {key: value.grad for key, value in given.items() if value.requires_grad}
    for path, theirs, rows, transposed in parameters:
        gradient = named[theirs].grad[rows]
        gradients[path] = gradient.T if transposed else gradient
    return {
        "name": name,
        "layer": layer,
        "options": options,
        "training": training,
        "inputs": {key: described(value) for key, value in given.items()},
        "outputs": stored(outputs),
        "gradients": stored(gradients),
        "updates": stored(statistics if training else {}),
    }


def stored(tensors):
    return {key: {"shape": list(value.shape), "values": rounded(value)} for key, value in tensors.items()}


def described(tensor):
    if tensor.is_floating_point():
        return {"dtype": "F32", "shape": list(tensor.shape)}
    dtype = "BOOL" if tensor.dtype == torch.bool else "I32"
    return {"dtype": dtype, "shape": list(tensor.shape), "values": [int(value) for value in tensor.reshape(-1)]}


def pairs(*padding):
    return [[value, value] for value in padding]


CONVOLUTIONS = [
    case(
        "over rows, strided, dilated, in groups",
        "conv",
        {"channels": 6, "window": 3, "strides": 2, "padding": 1, "dilations": 2, "groups": 2},
        {"x": [2, 4, 9]},
        nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2),
        [WEIGHT, BIAS],
    ),
    case(
        "over an odd image, everything different by axis, without bias",
        "conv",
        {
            "channels": 2,
            "window": [3, 2],
            "strides": [2, 3],
            "padding": pairs(1, 0),
            "dilations": [1, 2],
            "bias": False,
        },
        {"x": [1, 3, 7, 8]},
        nn.Conv2d(3, 2, (3, 2), stride=(2, 3), padding=(1, 0), dilation=(1, 2), bias=False),
        [WEIGHT],
    ),
    case(
        "depthwise with an even window that keeps the size",
        "conv",
        {"channels": 6, "window": [2, 4], "padding": "same", "groups": 3},
        {"x": [1, 3, 4, 5]},
        nn.Conv2d(3, 6, (2, 4), padding="same", groups=3),
        [WEIGHT, BIAS],
    ),
    case(
        "over volumes",
        "conv",
        {"channels": 3, "window": 2, "strides": [2, 1, 2], "padding": 1},
        {"x": [1, 2, 5, 2, 3]},
        nn.Conv3d(2, 3, 2, stride=(2, 1, 2), padding=1),
        [WEIGHT, BIAS],
    ),
    *(
        case(
            f"padded by {mode}",
            "conv",
            {"channels": 2, "window": 3, "strides": [2, 1], "padding": pairs(2, 1), "paddingMode": mode},
            {"x": [1, 2, 5, 4]},
            nn.Conv2d(2, 2, 3, stride=(2, 1), padding=(2, 1), padding_mode=mode),
            [WEIGHT, BIAS],
        )
        for mode in ("reflect", "replicate", "circular")
    ),
    case(
        "transposed over rows, strided, dilated, in groups, with output padding",
        "convTranspose",
        {"channels": 4, "window": 2, "strides": 3, "dilations": 2, "groups": 2, "outputPadding": 2},
        {"x": [2, 2, 3]},
        nn.ConvTranspose1d(2, 4, 2, stride=3, dilation=2, groups=2, output_padding=2),
        [WEIGHT, BIAS],
    ),
    case(
        "transposed over images, with output padding",
        "convTranspose",
        {"channels": 2, "window": 3, "strides": 2, "padding": 1, "outputPadding": 1},
        {"x": [1, 3, 3, 2]},
        nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1),
        [WEIGHT, BIAS],
    ),
    case(
        "transposed over volumes, without bias",
        "convTranspose",
        {"channels": 1, "window": [2, 1, 3], "strides": [1, 2, 2], "bias": False},
        {"x": [1, 2, 2, 2, 2]},
        nn.ConvTranspose3d(2, 1, (2, 1, 3), stride=(1, 2, 2), bias=False),
        [WEIGHT],
    ),
]

POOLING = [
    case(
        "rows",
        "maxPool",
        {"window": 3, "strides": 2, "dilations": 2},
        {"x": [2, 2, 9]},
        nn.MaxPool1d(3, 2, dilation=2),
    ),
    case(
        "an odd image with windows that overlap",
        "maxPool",
        {"window": [3, 2], "strides": [2, 1], "padding": pairs(1, 0)},
        {"x": [1, 2, 7, 4]},
        nn.MaxPool2d((3, 2), (2, 1), (1, 0)),
    ),
    case("volumes", "maxPool", {"window": 2}, {"x": [1, 2, 5, 4, 3]}, nn.MaxPool3d(2)),
    *(
        case(
            f"an odd image whose padding {'counts' if counts else 'does not count'}",
            "averagePool",
            {"window": 3, "strides": 2, "padding": 1, "countPadding": counts},
            {"x": [1, 2, 5, 6]},
            nn.AvgPool2d(3, 2, 1, count_include_pad=counts),
        )
        for counts in (True, False)
    ),
    case("volumes", "averagePool", {"window": 2, "strides": 1}, {"x": [1, 1, 3, 3, 3]}, nn.AvgPool3d(2, 1)),
    case("by mean", "adaptivePool", {"size": [3, 2]}, {"x": [1, 2, 7, 5]}, nn.AdaptiveAvgPool2d((3, 2))),
    case("by max", "adaptivePool", {"size": [3, 2], "by": "max"}, {"x": [1, 2, 7, 5]}, nn.AdaptiveMaxPool2d((3, 2))),
    case("by mean", "globalPool", {}, {"x": [2, 3, 3, 2]}, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
]

NORMS = [
    case("rows in training", "batchNorm", {}, {"x": [5, 3]}, nn.BatchNorm1d(3), [WEIGHT, BIAS]),
    case(
        "images in training",
        "batchNorm",
        {"momentum": 0.3, "epsilon": 1e-3},
        {"x": [2, 3, 3, 2]},
        nn.BatchNorm2d(3, momentum=0.3, eps=1e-3),
        [WEIGHT, BIAS],
    ),
    case(
        "images in prediction",
        "batchNorm",
        {},
        {"x": [2, 3, 2, 2]},
        nn.BatchNorm2d(3),
        [WEIGHT, BIAS],
        training=False,
    ),
    case("sequences", "layerNorm", {}, {"x": [2, 3, 4]}, nn.LayerNorm(4), [WEIGHT, BIAS]),
    case("sequences", "rmsNorm", {"epsilon": 1e-3}, {"x": [2, 3, 4]}, nn.RMSNorm(4, eps=1e-3), [WEIGHT]),
    case("images", "groupNorm", {"groups": 2}, {"x": [2, 4, 3, 2]}, nn.GroupNorm(2, 4), [WEIGHT, BIAS]),
    case("images", "instanceNorm", {}, {"x": [2, 3, 3, 2]}, nn.InstanceNorm2d(3, affine=True), [WEIGHT, BIAS]),
]


def layers(count, directions=("",)):
    """Every parameter of PyTorch's recurrent layers, as ours."""
    kinds = [
        ("weightIh", "weight_ih", True),
        ("weightHh", "weight_hh", True),
        ("biasIh", "bias_ih", False),
        ("biasHh", "bias_hh", False),
    ]
    return [
        whole(f"layers.{layer}{'.reverse' if direction else ''}.{ours}", f"{theirs}_l{layer}{direction}", transposed)
        for layer in range(count)
        for direction in directions
        for ours, theirs, transposed in kinds
    ]


def run_recurrent(module, x, lengths=None, *initial):
    packed = x
    if lengths is not None:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = module(packed, initial) if initial else module(packed)
    if lengths is not None:
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    states = last if isinstance(last, tuple) else (last,)
    found = {f"last.{run}.{i}": state[run] for run in range(states[0].shape[0]) for i, state in enumerate(states)}
    return {"y": y, **found}


LENGTHS = torch.tensor([2, 4, 1])
BOTH = ("", "_reverse")
RECURRENCE = [
    case(
        "one layer",
        "recurrent",
        {"cell": "rnn", "hidden": 3},
        {"x": [2, 4, 2]},
        nn.RNN(2, 3, batch_first=True),
        layers(1),
        run_recurrent,
    ),
    case(
        "two layers, both directions, sequences of different lengths",
        "recurrent",
        {"cell": "lstm", "hidden": 2, "layers": 2, "bidirectional": True},
        {"x": [3, 4, 2], "lengths": LENGTHS},
        nn.LSTM(2, 2, num_layers=2, bidirectional=True, batch_first=True),
        layers(2, BOTH),
        run_recurrent,
    ),
    case(
        "from a state that is given",
        "recurrent",
        {"cell": "lstm", "hidden": 3},
        {"x": [2, 3, 2], "lengths": torch.tensor([3, 2]), "hidden0": [2, 3], "cell0": [2, 3]},
        nn.LSTM(2, 3, batch_first=True),
        layers(1),
        lambda module, x, lengths, hidden, cell: run_recurrent(module, x, lengths, hidden[None], cell[None]),
    ),
    case(
        "without bias",
        "recurrent",
        {"cell": "lstm", "hidden": 3, "bias": False},
        {"x": [2, 3, 2]},
        nn.LSTM(2, 3, bias=False, batch_first=True),
        layers(1)[:2],
        run_recurrent,
    ),
    case(
        "two layers",
        "recurrent",
        {"cell": "gru", "hidden": 2, "layers": 2},
        {"x": [2, 3, 3]},
        nn.GRU(3, 2, num_layers=2, batch_first=True),
        layers(2),
        run_recurrent,
    ),
    case(
        "both directions, sequences of different lengths",
        "recurrent",
        {"cell": "gru", "hidden": 2, "bidirectional": True},
        {"x": [3, 4, 2], "lengths": LENGTHS},
        nn.GRU(2, 2, bidirectional=True, batch_first=True),
        layers(1, BOTH),
        run_recurrent,
    ),
]


def attention(width, path="", name=""):
    """The three projections that PyTorch keeps in one matrix, and the last one."""
    parts = []
    for index, part in enumerate(("query", "key", "value")):
        rows = slice(index * width, (index + 1) * width)
        parts.append((f"{path}{part}.weight", f"{name}in_proj_weight", rows, True))
        parts.append((f"{path}{part}.bias", f"{name}in_proj_bias", rows, False))
    return parts + linear(f"{path}output", f"{name}out_proj")


class GroupedAttention(nn.Module):
    """Query heads that share key heads, turned by their positions or not: PyTorch has the parts but no layer."""

    def __init__(self, width, heads, key_heads, base=None, causal=False):
        super().__init__()
        self.heads, self.key_heads, self.size, self.base, self.causal = heads, key_heads, width // heads, base, causal
        self.query, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(width, key_heads * self.size), nn.Linear(width, key_heads * self.size)

    def turn(self, x):
        """Su et al. 2021, equation 34, with feature i paired with i + size / 2."""
        if self.base is None:
            return x
        half = self.size // 2
        angles = torch.arange(x.shape[2])[:, None] * self.base ** (-torch.arange(half) / half)
        first, second = x[..., :half], x[..., half:]
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

    def forward(self, x):
        batch, time, width = x.shape
        split = lambda y: y.reshape(batch, time, -1, self.size).transpose(1, 2)
        queries, keys, values = self.turn(split(self.query(x))), self.turn(split(self.key(x))), split(self.value(x))
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=self.causal, enable_gqa=True)
        return self.output(seen.transpose(1, 2).reshape(batch, time, width))


def attend(module, x, memory=None, mask=None):
    """A mask of ours is true where a query may look; PyTorch's is true where it may not."""
    other = x if memory is None else memory
    return module(x, other, other, attn_mask=None if mask is None else ~mask, need_weights=False)[0]


def causal(time):
    return torch.ones(time, time, dtype=torch.bool).tril()


MASK = torch.tensor([[1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.bool)
GROUPED = [*linear("query"), *linear("key"), *linear("value"), *linear("output")]
ATTENTION = [
    case(
        "two heads",
        "attention",
        {"heads": 2},
        {"x": [2, 3, 4]},
        nn.MultiheadAttention(4, 2, batch_first=True),
        attention(4),
        attend,
    ),
    case(
        "each element after those before it",
        "attention",
        {"heads": 2, "causal": True},
        {"x": [1, 4, 4]},
        nn.MultiheadAttention(4, 2, batch_first=True),
        attention(4),
        lambda module, x: attend(module, x, None, causal(4)),
    ),
    case(
        "another sequence through a mask",
        "attention",
        {"heads": 2},
        {"x": [2, 3, 4], "memory": [2, 4, 4], "mask": MASK},
        nn.MultiheadAttention(4, 2, batch_first=True),
        attention(4),
        attend,
    ),
    case(
        "heads that share keys",
        "attention",
        {"heads": 4, "keyHeads": 2},
        {"x": [1, 3, 8]},
        GroupedAttention(8, 4, 2),
        GROUPED,
    ),
    case(
        "turned by positions",
        "attention",
        {"heads": 2, "keyHeads": 1, "causal": True, "rotary": {"base": 100}},
        {"x": [1, 4, 8]},
        GroupedAttention(8, 2, 1, base=100, causal=True),
        GROUPED,
    ),
]


def block(width, norms, cross=False):
    return [
        *attention(width, "selfAttention.", "self_attn."),
        *(attention(width, "crossAttention.", "multihead_attn.") if cross else []),
        *linear("linear1"),
        *linear("linear2"),
        *(
            whole(f"norm{index}.{part}", f"norm{index}.{part}")
            for index in range(1, norms + 1)
            for part in ("weight", "bias")
        ),
    ]


class Sinusoidal(nn.Module):
    """Vaswani et al. 2017, section 3.5."""

    def forward(self, x):
        time, width = x.shape[1:]
        angles = torch.arange(time)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
        return x + torch.stack([angles.sin(), angles.cos()], -1).reshape(time, -1)[:, :width]


def encoder(activation, norm_first):
    return nn.TransformerEncoderLayer(4, 2, 6, 0.0, activation, batch_first=True, norm_first=norm_first)


TRANSFORMERS = [
    case(
        "norms first, each element after those before it",
        "transformerBlock",
        {"heads": 2, "feedForward": 6, "causal": True},
        {"x": [1, 3, 4]},
        encoder("gelu", True),
        block(4, 2),
        lambda module, x: module(x, src_mask=~causal(3), is_causal=True),
    ),
    case(
        "norms last",
        "transformerBlock",
        {"heads": 2, "feedForward": 6, "activation": "relu", "normFirst": False},
        {"x": [2, 3, 4]},
        encoder("relu", False),
        block(4, 2),
    ),
    case(
        "a decoder that looks at a memory through a mask",
        "transformerBlock",
        {"heads": 2, "feedForward": 5, "causal": True},
        {"x": [1, 3, 4], "memory": [1, 4, 4], "memoryMask": MASK},
        nn.TransformerDecoderLayer(4, 2, 5, 0.0, "gelu", batch_first=True, norm_first=True),
        block(4, 3, cross=True),
        lambda module, x, memory, mask: module(x, memory, tgt_mask=~causal(3), memory_mask=~mask, tgt_is_causal=True),
    ),
    case("odd width", "sinusoidalPositions", {}, {"x": [1, 4, 5]}, Sinusoidal()),
]

OTHERS = [
    case(
        "sequences",
        "dense",
        {"units": 2},
        {"x": [2, 3, 4]},
        nn.Linear(4, 2),
        [whole("weight", "weight", True), BIAS],
    ),
    case(
        "an entry that stays zero",
        "embedding",
        {"vocabulary": 4, "width": 3, "padding": 1},
        {"x": torch.tensor([[2, 1, 0], [2, 2, 3]])},
        nn.Embedding(4, 3, padding_idx=1),
        [WEIGHT],
        lambda module, x: F.embedding(x, module.weight, padding_idx=1) * (x != 1)[..., None],
    ),
]

cases = [*OTHERS, *CONVOLUTIONS, *POOLING, *NORMS, *RECURRENCE, *ATTENTION, *TRANSFORMERS]
assert all(math.isfinite(value) for each in cases for tensor in each["outputs"].values() for value in tensor["values"])
if __name__ == "__main__":
    write("layers.json", {"torch": torch.__version__.split("+")[0], "cases": cases})

"""Makes test/vectors/networks.json: the first ten losses of the bench's networks in PyTorch, in float64.

Weights and batches come from formula.py by their names, so that a loss is all there is to store.

    .cache/torch/bin/python scripts/vectors/networks.py
"""

import math
import pathlib
import re
import sys

import torch

from formula import integers, reals, scale_for
from written import write

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench" / "peers"))

from torch_networks import NETWORKS, training  # noqa: E402

torch.set_default_dtype(torch.float64)
STEPS = 10

# Ours for PyTorch's names, in turn; where one of theirs is several of ours, all of them.
SEQUENTIAL = {
    "lenet": {"0": "conv1", "3": "conv2", "7": "dense1", "9": "dense2"},
    "mlp-small": {"0": "layers.0", "2": "layers.1", "4": "layers.2"},
    "mlp-mnist": {"0": "layers.0", "2": "layers.1"},
    "mlp-wide": {"0": "layers.0", "2": "layers.1", "4": "layers.2"},
}
RENAMED = [
    (r"(conv\d|shortcut|stem)\.0\.", r"\1."),
    (r"(conv\d|shortcut|stem)\.1\.", r"\1.norm."),
    (r"weight_(ih|hh)_l(\d)", lambda m: f"layers.{m[2]}.weight{m[1].title()}"),
    (r"bias_(ih|hh)_l(\d)", lambda m: f"layers.{m[2]}.bias{m[1].title()}"),
    (r"self_attn\.out_proj", "selfAttention.output"),
    (r"self_attn\.in_proj_(weight|bias)", r"selfAttention.{query,key,value}.\1"),
]


def paths_of(network, name):
    first, _, rest = name.partition(".")
    name = f"{SEQUENTIAL[network][first]}.{rest}" if network in SEQUENTIAL else name
    for theirs, ours in RENAMED:
        name = re.sub(theirs, ours, name)
    parts = re.search(r"\{(.*)\}", name)
    return [name] if parts is None else [name.replace(parts[0], part) for part in parts[1].split(",")]


def initial(path, shape):
    """A parameter in our layout, from its path and shape alone; the test has the same rule."""
    if len(shape) == 1:
        return reals(path, shape, 1 / 4) + (1 if path.endswith("weight") else 0)
    return reals(path, shape, scale_for(shape[0] if len(shape) == 2 else math.prod(shape[1:])))


def begin(name, model):
    with torch.no_grad():
        for theirs, parameter in model.named_parameters():
            paths = paths_of(name, theirs)
            is_transposed = parameter.dim() == 2 and not theirs.startswith(("tokens", "positions"))
            for path, rows in zip(paths, parameter.chunk(len(paths))):
                place = rows.T if is_transposed else rows
                place.copy_(initial(path, list(place.shape)))


def losses(name, network):
    model = network.model()
    begin(name, model)
    if network.vocabulary is None:
        x = (reals("x", network.x) + 1) / 2
    else:
        x = integers("x", network.x, network.vocabulary)
    labels = integers("labels", list(network.labels().shape), network.classes)
    step = training(network, model, x, labels)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "losses": [float(f"{float(step()):.7g}") for _ in range(STEPS)],
    }


write(
    "networks.json",
    {"torch": torch.__version__.split("+")[0], "cases": {name: losses(name, each) for name, each in NETWORKS.items()}},
)

"""Makes test/vectors/learning.json: what PyTorch computes, in float64, for the activations, losses, layers, optimizers and
whole trainings that test/pipelines compares ours with.

    python3 -m venv .cache/torch && .cache/torch/bin/pip install torch==2.13.0 numpy
    .cache/torch/bin/python scripts/vectors/learning.py
"""

import math

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from written import write

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)


def numbers(tensor):
    return [float(f"{value:.15g}") for value in tensor.detach().reshape(-1).tolist()]


def spread(*shape):
    """Numbers of moderate size with few digits, so that the file stays small and readable."""
    return (torch.randn(*shape) * 1.5).round(decimals=2)


# Activations: value and derivative at points around every bend, zero included.
POINTS = torch.tensor([-30.0, -4.0, -3.25, -2.5, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.4, 1.0, 2.5, 3.5, 5.0, 30.0])
ACTIVATIONS = {
    "relu": F.relu,
    "leakyRelu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hardSwish": F.hardswish,
    "identity": lambda x: x,
}


def activation(function):
    x = POINTS.clone().requires_grad_()
    y = function(x)
    y.sum().backward()
    return {"y": numbers(y), "dx": numbers(x.grad)}


# Losses: per row, and the gradient of the weighted mean.
ROWS, CLASSES = 5, 3
LOGITS = spread(ROWS, CLASSES)
CODES = torch.tensor([2, 0, 1, 1, 0])
LABELS = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]], dtype=torch.float64)
VALUES = spread(ROWS, CLASSES)
CLASS_WEIGHTS = [0.5, 2.0, 1.25]


def pinball(prediction, target, level):
    error = target - prediction
    return torch.maximum(level * error, (level - 1) * error).mean()


LOSSES = [
    ("crossEntropy", {}, "classes", lambda x: F.cross_entropy(x, CODES)),
    ("crossEntropy", {"labelSmoothing": 0.1}, "classes", lambda x: F.cross_entropy(x, CODES, label_smoothing=0.1)),
    (
        "crossEntropy",
        {"classWeights": CLASS_WEIGHTS},
        "classes",
        lambda x: F.cross_entropy(x, CODES, weight=torch.tensor(CLASS_WEIGHTS)),
    ),
    (
        "crossEntropy",
        {"classWeights": CLASS_WEIGHTS, "labelSmoothing": 0.2},
        "classes",
        lambda x: F.cross_entropy(x, CODES, weight=torch.tensor(CLASS_WEIGHTS), label_smoothing=0.2),
    ),
    ("binaryCrossEntropy", {}, "labels", lambda x: F.binary_cross_entropy_with_logits(x, LABELS)),
    (
        "binaryCrossEntropy",
        {"positiveWeight": [1.5, 0.5, 3]},
        "labels",
        lambda x: F.binary_cross_entropy_with_logits(x, LABELS, pos_weight=torch.tensor([1.5, 0.5, 3])),
    ),
    ("mse", {}, "values", lambda x: F.mse_loss(x, VALUES)),
    ("mae", {}, "values", lambda x: F.l1_loss(x, VALUES)),
    ("huber", {"delta": 0.7}, "values", lambda x: F.huber_loss(x, VALUES, delta=0.7)),
    ("quantile", {"quantile": 0.9}, "values", lambda x: pinball(x, VALUES, 0.9)),
]


def loss(function):
    x = LOGITS.clone().requires_grad_()
    value = function(x)
    value.backward()
    return {"loss": float(value), "dx": numbers(x.grad)}


# Optimizers: twenty steps of two parameters under gradients that change.
STEPS = 20
START = [spread(3, 2), spread(4)]
GRADIENTS = [[spread(3, 2), spread(4)] for _ in range(STEPS)]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; PyTorch has none."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                direction = torch.sign(beta1 * mean + (1 - beta1) * p.grad)
                p.sub_(group["lr"] * (direction + group["weight_decay"] * p))
                mean.mul_(beta2).add_(p.grad, alpha=1 - beta2)


OPTIMIZERS = [
    ("sgd", {"learningRate": 0.1}, lambda p: torch.optim.SGD(p, lr=0.1)),
    (
        "sgd",
        {"learningRate": 0.1, "momentum": 0.9, "dampening": 0.3, "weightDecay": 0.05},
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05),
    ),
    (
        "sgd",
        {"learningRate": 0.1, "momentum": 0.8, "nesterov": True},
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    ),
    ("adam", {}, lambda p: torch.optim.Adam(p)),
    (
        "adam",
        {"learningRate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weightDecay": 0.1},
        lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
    ),
    ("adamw", {}, lambda p: torch.optim.AdamW(p)),
    ("adamw", {"learningRate": 0.05, "weightDecay": 0.3}, lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.3)),
    ("rmsprop", {}, lambda p: torch.optim.RMSprop(p)),
    (
        "rmsprop",
        {"learningRate": 0.02, "alpha": 0.9, "momentum": 0.7, "centered": True, "weightDecay": 0.1},
        lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.7, centered=True, weight_decay=0.1),
    ),
    ("adagrad", {}, lambda p: torch.optim.Adagrad(p)),
    (
        "adagrad",
        {"learningRate": 0.1, "learningRateDecay": 0.2, "initialAccumulator": 0.5, "weightDecay": 0.1},
        lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.5, weight_decay=0.1),
    ),
    ("nadam", {}, lambda p: torch.optim.NAdam(p)),
    (
        "nadam",
        {"learningRate": 0.05, "momentumDecay": 0.02, "weightDecay": 0.1},
        lambda p: torch.optim.NAdam(p, lr=0.05, momentum_decay=0.02, weight_decay=0.1),
    ),
    ("lion", {}, lambda p: Lion(p, 1e-4, (0.9, 0.99), 0)),
    (
        "lion",
        {"learningRate": 0.02, "beta1": 0.7, "beta2": 0.8, "weightDecay": 0.1},
        lambda p: Lion(p, 0.02, (0.7, 0.8), 0.1),
    ),
]


def steps_of(make):
    parameters = [start.clone().requires_grad_() for start in START]
    optimizer = make(parameters)
    after = []
    for gradients in GRADIENTS:
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        optimizer.step()
        after.append([numbers(parameter) for parameter in parameters])
    return {"first": after[0], "last": after[-1]}


# Schedules: the factor at each step, four steps an epoch.
SCHEDULE_STEPS, PER_EPOCH = 24, 4
LR = torch.optim.lr_scheduler


def warm(steps, rest):
    def make(optimizer):
        rise = LR.LinearLR(optimizer, 1 / steps, 1, steps - 1)
        return LR.SequentialLR(optimizer, [rise, rest(optimizer, SCHEDULE_STEPS - steps)], [steps])

    return make


SCHEDULES = [
    ("step", {"everyEpochs": 2, "factor": 0.3}, lambda o: LR.StepLR(o, 2 * PER_EPOCH, 0.3)),
    ("exponential", {"factor": 0.8}, lambda o: LR.LambdaLR(o, lambda s: 0.8 ** (s // PER_EPOCH))),
    ("linear", {"minimum": 0.25}, lambda o: LR.LinearLR(o, 1, 0.25, SCHEDULE_STEPS)),
    ("multiStep", {"epochs": [1, 4], "factor": 0.5}, lambda o: LR.MultiStepLR(o, [PER_EPOCH, 4 * PER_EPOCH], 0.5)),
    ("polynomial", {"power": 2.5}, lambda o: LR.PolynomialLR(o, SCHEDULE_STEPS, 2.5)),
    ("cosine", {"minimum": 0.1}, lambda o: LR.CosineAnnealingLR(o, SCHEDULE_STEPS, eta_min=0.1)),
    (
        "cosineRestarts",
        {"firstEpochs": 1, "growth": 2, "minimum": 0.05},
        lambda o: LR.CosineAnnealingWarmRestarts(o, PER_EPOCH, 2, eta_min=0.05),
    ),
    (
        "cosineRestarts",
        {"firstEpochs": 2, "growth": 1},
        lambda o: LR.CosineAnnealingWarmRestarts(o, 2 * PER_EPOCH, 1),
    ),
    ("oneCycle", {}, lambda o: LR.OneCycleLR(o, 1.0, SCHEDULE_STEPS, cycle_momentum=False)),
    (
        "oneCycle",
        {"rise": 0.4, "start": 0.1, "end": 0.001, "shape": "linear"},
        lambda o: LR.OneCycleLR(
            o,
            1.0,
            SCHEDULE_STEPS,
            pct_start=0.4,
            anneal_strategy="linear",
            cycle_momentum=False,
            div_factor=10,
            final_div_factor=100,
        ),
    ),
    ("cosine", {"minimum": 0.1, "warmupSteps": 5}, warm(5, lambda o, rest: LR.CosineAnnealingLR(o, rest, eta_min=0.1))),
    ("polynomial", {"power": 2, "warmupSteps": 3}, warm(3, lambda o, rest: LR.PolynomialLR(o, rest, 2))),
    ("step", {"everyEpochs": 1, "factor": 0.5, "warmupSteps": 2}, warm(2, lambda o, _: LR.StepLR(o, PER_EPOCH, 0.5))),
]


def factors(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for _ in range(SCHEDULE_STEPS):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


# Reduce on plateau: the factor after each epoch's value.
VALUES_WATCHED = [5, 4, 4.2, 4.1, 4.3, 3.9996, 4.4, 3, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 2, 2.5, 2.6, 2.7, 2.8, 2.9]
PLATEAUS = [
    ({"factor": 0.5, "patience": 1}, {"factor": 0.5, "patience": 1}),
    ({"factor": 0.3, "patience": 2, "cooldown": 2}, {"factor": 0.3, "patience": 2, "cooldown": 2}),
    (
        {"factor": 0.5, "patience": 0, "threshold": 0.1, "minimum": 0.1},
        {"factor": 0.5, "patience": 0, "threshold": 0.1, "min_lr": 0.1},
    ),
    ({"monitor": "accuracy", "factor": 0.5, "patience": 3}, {"mode": "max", "factor": 0.5, "patience": 3}),
]


def reductions(options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = LR.ReduceLROnPlateau(optimizer, **options)
    values = []
    for value in VALUES_WATCHED:
        scheduler.step(value)
        values.append(optimizer.param_groups[0]["lr"])
    return values


# Whole trainings of small networks on fourteen rows in batches of four: the last one is short.
X = spread(14, 3)
Y = torch.tensor([0, 1, 2, 1, 0, 2, 2, 1, 0, 0, 1, 2, 0, 1])
BATCH, EPOCHS = 4, 4


class Mlp(torch.nn.Module):
    """Dense, norm, activation; with `residual`, plus the layer's input, through a linear map where the widths differ."""

    def __init__(self, hidden, activation, norm="none", residual=False):
        super().__init__()
        self.layers, width = torch.nn.ModuleList(), 3
        for units in hidden:
            layer = torch.nn.ModuleDict({"dense": torch.nn.Linear(width, units)})
            if norm != "none":
                layer["norm"] = (torch.nn.BatchNorm1d if norm == "batch" else torch.nn.LayerNorm)(units)
            if residual and width != units:
                layer["shortcut"] = torch.nn.Linear(width, units, bias=False)
            self.layers.append(layer)
            width = units
        self.head = torch.nn.Linear(width, 3)
        self.activation, self.residual = activation, residual

    def forward(self, x):
        for layer in self.layers:
            y = layer["dense"](x)
            y = self.activation(layer["norm"](y) if "norm" in layer else y)
            x = y + (layer["shortcut"](x) if "shortcut" in layer else x) if self.residual else y
        return self.head(x)

    def named(self):
        """Our paths, our layout: weights are [inputs, units]."""
        found = {}
        for index, layer in enumerate(self.layers):
            path = f"backbone.layers.{index}"
            found[f"{path}.weight"] = layer["dense"].weight.T
            found[f"{path}.bias"] = layer["dense"].bias
            if "norm" in layer:
                norm = layer["norm"]
                found[f"{path}.norm.weight"], found[f"{path}.norm.bias"] = norm.weight, norm.bias
                if hasattr(norm, "running_mean"):
                    found[f"{path}.norm.runningMean"] = norm.running_mean
                    found[f"{path}.norm.runningVariance"] = norm.running_var
            if "shortcut" in layer:
                found[f"{path}.shortcut.weight"] = layer["shortcut"].weight.T
        found["head.weight"], found["head.bias"] = self.head.weight.T, self.head.bias
        return {path: {"shape": list(value.shape), "values": numbers(value)} for path, value in found.items()}


def training(backbone, options, model, make, accumulate=1, clip=None, l1=0.0, l2=0.0, clip_value=None, average=None):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.round(decimals=3))
    initial, optimizer, losses = model.named(), make(model), []
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    averaged = average and average[0](model)
    for epoch in range(EPOCHS):
        total = 0.0
        batches = [slice(start, start + BATCH) for start in range(0, len(X), BATCH)]
        for first in range(0, len(batches), accumulate):
            group = batches[first : first + accumulate]
            optimizer.zero_grad()
            for rows in group:
                loss = F.cross_entropy(model(X[rows]), Y[rows], reduction="sum")
                total += float(loss)
                (loss / rows_in(group)).backward()
            with torch.no_grad():
                for parameter in learning:
                    parameter.grad += l1 * torch.sign(parameter) + l2 * parameter
            if clip_value is not None:
                torch.nn.utils.clip_grad_value_(model.parameters(), clip_value)
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if averaged and average[1] == "steps":
                averaged.update_parameters(model)
        if averaged and average[1] == "epochs" and epoch >= EPOCHS // 2:
            averaged.update_parameters(model)
        losses.append(total / len(X))
    if averaged:
        update_bn([X[start : start + BATCH] for start in range(0, len(X), BATCH)], averaged)
    model = averaged.module if averaged else model
    model.eval()
    with torch.no_grad():
        probabilities = F.softmax(model(X), dim=1)
    return {
        "backbone": backbone,
        "options": options,
        "initial": initial,
        "losses": losses,
        "final": model.named(),
        "probabilities": numbers(probabilities),
    }


def rows_in(group):
    return sum(len(Y[rows]) for rows in group)


def two_groups(model):
    model.layers[0].requires_grad_(False)
    groups = [
        {"params": model.layers[1].parameters()},
        {"params": model.head.parameters(), "lr": 0.1, "weight_decay": 0.2},
    ]
    return torch.optim.AdamW(groups, lr=0.02)


TRAININGS = {
    "two hidden layers with AdamW": lambda: training(
        {"hidden": [5, 4], "activation": "tanh"},
        {"optimizer": {"type": "adamw", "learningRate": 0.02}},
        Mlp([5, 4], torch.tanh),
        lambda m: torch.optim.AdamW(m.parameters(), lr=0.02),
    ),
    "batch norm": lambda: training(
        {"hidden": [5], "activation": "gelu", "norm": "batch"},
        {"optimizer": {"type": "sgd", "learningRate": 0.1}},
        Mlp([5], F.gelu, norm="batch"),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.1),
    ),
    "layer norm and residual connections": lambda: training(
        {"hidden": [4, 4], "activation": "silu", "norm": "layer", "residual": True},
        {"optimizer": {"type": "adam", "learningRate": 0.02}},
        Mlp([4, 4], F.silu, norm="layer", residual=True),
        lambda m: torch.optim.Adam(m.parameters(), lr=0.02),
    ),
    "clipping, accumulation, L1 and L2": lambda: training(
        {"hidden": [6], "activation": "tanh"},
        {
            "optimizer": {"type": "sgd", "learningRate": 0.2, "momentum": 0.9, "l1": 0.01, "l2": 0.1},
            "clipNorm": 0.3,
            "accumulate": 3,
        },
        Mlp([6], torch.tanh),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.2, momentum=0.9),
        accumulate=3,
        clip=0.3,
        l1=0.01,
        l2=0.1,
    ),
    "clipping by value, then by norm": lambda: training(
        {"hidden": [6], "activation": "tanh"},
        {"optimizer": {"type": "sgd", "learningRate": 0.5}, "clipValue": 0.05, "clipNorm": 0.2},
        Mlp([6], torch.tanh),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.5),
        clip_value=0.05,
        clip=0.2,
    ),
    "frozen layers and a group of its own rate": lambda: training(
        {"hidden": [5, 4], "activation": "tanh"},
        {
            "optimizer": {"type": "adamw", "learningRate": 0.02},
            "freeze": "backbone.layers.0",
            "groups": [{"match": "head", "learningRate": 0.1, "weightDecay": 0.2}],
            "clipNorm": 0.3,
        },
        Mlp([5, 4], torch.tanh),
        two_groups,
        clip=0.3,
    ),
    "an exponential moving average of the weights": lambda: training(
        {"hidden": [5], "activation": "tanh"},
        {
            "optimizer": {"type": "sgd", "learningRate": 0.2},
            "averaging": {"type": "ema", "decay": 0.8, "warmup": False},
        },
        Mlp([5], torch.tanh),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.2),
        average=(lambda m: AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.8)), "steps"),
    ),
    "stochastic weight averaging": lambda: training(
        {"hidden": [5], "activation": "tanh"},
        {"optimizer": {"type": "sgd", "learningRate": 0.2}, "averaging": {"type": "swa", "start": 0.5}},
        Mlp([5], torch.tanh),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.2),
        average=(AveragedModel, "epochs"),
    ),
    "stochastic weight averaging with batch norm": lambda: training(
        {"hidden": [5], "activation": "tanh", "norm": "batch"},
        {"optimizer": {"type": "sgd", "learningRate": 0.2}, "averaging": {"type": "swa", "start": 0.5}},
        Mlp([5], torch.tanh, norm="batch"),
        lambda m: torch.optim.SGD(m.parameters(), lr=0.2),
        average=(AveragedModel, "epochs"),
    ),
}

vectors = {
    "torch": torch.__version__.split("+")[0],
    "points": numbers(POINTS),
    "activations": {name: activation(function) for name, function in ACTIVATIONS.items()},
    "losses": {
        "shape": [ROWS, CLASSES],
        "raw": numbers(LOGITS),
        "classes": CODES.tolist(),
        "labels": numbers(LABELS),
        "values": numbers(VALUES),
        "cases": [
            {"type": name, "options": options, "target": target, **loss(function)}
            for name, options, target, function in LOSSES
        ],
    },
    "optimizers": {
        "shapes": [list(start.shape) for start in START],
        "start": [numbers(start) for start in START],
        "gradients": [[numbers(gradient) for gradient in step] for step in GRADIENTS],
        "cases": [{"type": name, "options": options, **steps_of(make)} for name, options, make in OPTIMIZERS],
    },
    "schedules": {
        "steps": SCHEDULE_STEPS,
        "stepsPerEpoch": PER_EPOCH,
        "cases": [{"type": name, "options": options, "factors": factors(make)} for name, options, make in SCHEDULES],
    },
    "plateau": {
        "values": VALUES_WATCHED,
        "cases": [{"options": options, "factors": reductions(theirs)} for options, theirs in PLATEAUS],
    },
    "trainings": {
        "x": numbers(X),
        "y": Y.tolist(),
        "batchSize": BATCH,
        "epochs": EPOCHS,
        "cases": {name: make() for name, make in TRAININGS.items()},
    },
}
assert math.isfinite(vectors["trainings"]["cases"]["batch norm"]["losses"][-1])
write("learning.json", vectors)

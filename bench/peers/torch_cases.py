"""The cases in PyTorch. Reads lines like {"case": "mlp-small", "steps": 100}, answers {"milliseconds": 0.49}, a step's mean.

usage: torch_cases.py THREADS
"""

import json
import sys
import time

import torch
from torch import nn


def mlp(sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def training(sizes, batch):
    """One whole step of eager PyTorch: zero_grad, forward, softmax cross-entropy, backward, Adam at its defaults."""
    model = mlp(sizes, nn.ReLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    x, y = torch.rand(batch, sizes[0]), torch.arange(batch) % sizes[-1]

    def step():
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

    return step


def forward(sizes, batch):
    model, x = mlp(sizes, nn.Tanh), torch.rand(batch, sizes[0])

    def step():
        with torch.no_grad():
            model(x)

    return step


def product(size):
    a, b = torch.rand(size, size), torch.rand(size, size)
    return lambda: torch.matmul(a, b)


CASES = {
    "mlp-small": lambda: training([4, 64, 64, 2], 64),
    "mlp-mnist": lambda: training([784, 128, 10], 64),
    "mlp-wide": lambda: training([784, 512, 512, 10], 128),
    "policy": lambda: forward([4, 64, 64, 2], 1),
    "gemm-1024": lambda: product(1024),
}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    print(json.dumps({"name": f"PyTorch {torch.__version__}"}), flush=True)
    steps = {}
    for line in sys.stdin:
        order = json.loads(line)
        step = steps.get(order["case"]) or steps.setdefault(order["case"], CASES[order["case"]]())
        start = time.perf_counter()
        for _ in range(order["steps"]):
            step()
        print(json.dumps({"milliseconds": (time.perf_counter() - start) * 1e3 / order["steps"]}), flush=True)


main()

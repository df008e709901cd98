"""The cases in PyTorch. Reads lines like {"case": "mlp-small", "steps": 100}, answers {"milliseconds": 0.49}, a step's mean.

usage: torch_cases.py THREADS
"""

import json
import sys
import time
from functools import partial

import torch
from torch import nn

from torch_networks import NETWORKS, perceptron, training


def train(name):
    network = NETWORKS[name]
    return training(network, network.model(), *network.batch())


def forward(sizes, batch):
    model, x = perceptron(sizes, nn.Tanh), torch.rand(batch, sizes[0])

    def step():
        with torch.no_grad():
            model(x)

    return step


def product(size):
    a, b = torch.rand(size, size), torch.rand(size, size)
    return lambda: torch.matmul(a, b)


def infer(name):
    network = NETWORKS[name]
    model, (x, _) = network.model().eval(), network.batch()

    def step():
        with torch.no_grad():
            model(x)

    return step


CASES = {
    **{name: partial(train, name) for name in NETWORKS},
    **{f"{name}-forward": partial(infer, name) for name in NETWORKS},
    "policy": lambda: forward([4, 64, 64, 2], 1),
    "gemm-64": lambda: product(64),
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

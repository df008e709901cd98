"""Writes test/vectors/rl.json: rollouts made up, and what PyTorch makes of them: PPO's losses, gradients, one step of Adam.

The formulas are those of CleanRL's ppo.py, ppo_continuous_action.py and ppo_atari_lstm.py, with masks as in Huang and
Ontañón 2022, on functional networks in float64. Needs torch and numpy. Run from anywhere: python scripts/vectors/rl.py
"""

import numpy as np
import torch
from torch.distributions import Categorical, Normal

from written import write

torch.set_default_dtype(torch.float64)
HIDDEN = 5
OBSERVATION = 3
OPTIONS = {"normAdvantage": True, "clipVloss": True, "entCoef": 0.01, "vfCoef": 0.5, "maxGradNorm": 0.5, "adamEpsilon": 1e-5}
CLIP = 0.2
LEARNING_RATE = 0.003
SEQUENCES, TIME = 3, 4


def weights(rng, shapes):
    return {path: torch.tensor(rng.normal(size=shape) * 0.7, requires_grad=True) for path, shape in shapes.items()}


def dense(w, path, x):
    return x @ w[path + ".weight"] + w[path + ".bias"]


def dense_shapes(path, inputs, outputs):
    return {path + ".weight": (inputs, outputs), path + ".bias": (outputs,)}


def separate(w, x, _memory, _starts):
    hidden = {part: torch.tanh(dense(w, f"{part}.backbone.layers.0", x)) for part in ("actor", "critic")}
    return dense(w, "actor.output", hidden["actor"]), dense(w, "critic.output", hidden["critic"])


def separate_shapes(outputs):
    return {
        **dense_shapes("actor.backbone.layers.0", OBSERVATION, HIDDEN),
        **dense_shapes("actor.output", HIDDEN, outputs),
        **dense_shapes("critic.backbone.layers.0", OBSERVATION, HIDDEN),
        **dense_shapes("critic.output", HIDDEN, 1),
    }


def recurrent(cell):
    def network(w, x, memory, starts):
        """As CleanRL's LSTM: the memory is emptied where an episode begins, then one step is taken."""
        x = x.reshape(SEQUENCES, TIME, -1)
        memory, outputs = [m.clone() for m in memory], []
        for step in range(TIME):
            memory = [m * (1 - starts[:, step : step + 1]) for m in memory]
            a = x[:, step] @ w["memory.layers.0.weightIh"] + w["memory.layers.0.biasIh"]
            b = memory[0] @ w["memory.layers.0.weightHh"] + w["memory.layers.0.biasHh"]
            if cell == "lstm":
                i, f, g, o = (a + b).chunk(4, 1)
                c = torch.sigmoid(f) * memory[1] + torch.sigmoid(i) * torch.tanh(g)
                memory = [torch.sigmoid(o) * torch.tanh(c), c]
            else:
                (ar, az, an), (br, bz, bn) = a.chunk(3, 1), b.chunk(3, 1)
                r, z = torch.sigmoid(ar + br), torch.sigmoid(az + bz)
                memory = [(1 - z) * torch.tanh(an + r * bn) + z * memory[0]]
            outputs.append(memory[0])
        y = torch.stack(outputs, 1).reshape(SEQUENCES * TIME, HIDDEN)
        return dense(w, "actor.output", y), dense(w, "critic.output", y)

    return network


def recurrent_shapes(gates):
    def shapes(outputs):
        width = gates * HIDDEN
        memory = {"weightIh": (OBSERVATION, width), "weightHh": (HIDDEN, width), "biasIh": (width,), "biasHh": (width,)}
        return {
            **{f"memory.layers.0.{name}": shape for name, shape in memory.items()},
            **dense_shapes("actor.output", HIDDEN, outputs),
            **dense_shapes("critic.output", HIDDEN, 1),
        }

    return shapes


class Choices:
    def __init__(self, nvec):
        self.nvec, self.outputs, self.dtype = nvec, sum(nvec), int

    def extra(self):
        return {}

    def actions(self, rng, rows, mask):
        columns = []
        for part in np.split(mask, np.cumsum(self.nvec)[:-1], axis=1):
            columns.append([rng.choice(np.flatnonzero(row)) if row.any() else 0 for row in part])
        return np.array(columns).T

    def judge(self, w, parameters, actions, mask):
        logits = torch.where(mask, parameters, torch.tensor(-1e8))
        parts = [Categorical(logits=part) for part in torch.split(logits, self.nvec, dim=1)]
        chosen = torch.stack([part.log_prob(actions[:, i]) for i, part in enumerate(parts)])
        return chosen.sum(0), torch.stack([part.entropy() for part in parts]).sum(0)


class Switches(Choices):
    def __init__(self, n):
        super().__init__([2] * n)
        self.outputs = n

    def judge(self, w, parameters, actions, mask):
        both = torch.stack([torch.zeros_like(parameters), parameters], -1).reshape(len(parameters), -1)
        return super().judge(w, both, actions, mask)


class Gaussian:
    def __init__(self, size, squashed):
        self.outputs, self.size, self.squashed, self.dtype = size, size, squashed, float

    def extra(self):
        return {"actor.logStd": (self.size,)}

    def actions(self, rng, rows, mask):
        return rng.normal(size=(rows, self.size))

    def judge(self, w, parameters, actions, mask):
        law = Normal(parameters, w["actor.logStd"].exp())
        if not self.squashed:
            return law.log_prob(actions).sum(1), law.entropy().sum(1)
        log_prob = (law.log_prob(actions) - torch.log(1 - torch.tanh(actions) ** 2)).sum(1)
        return log_prob, -log_prob


def number(scalar):
    return scalar.detach().item()


def listed(tensor):
    return [float(f"{value:.12g}") for value in np.asarray(tensor.detach() if torch.is_tensor(tensor) else tensor, dtype=float).ravel()]


def case(name, rng, network, shapes, law, action, memories=0, masked=False, options=None):
    options = {**OPTIONS, **(options or {})}
    rows = SEQUENCES * TIME
    w = weights(rng, {**shapes(law.outputs), **law.extra()})
    width = sum(law.nvec) if hasattr(law, "nvec") else 0
    mask = rng.random((rows, width)) < (0.6 if masked else 2)
    x = torch.tensor(rng.normal(size=(rows, OBSERVATION)))
    starts = torch.tensor((rng.random((SEQUENCES, TIME)) < 0.3).astype(float))
    memory = [torch.tensor(rng.normal(size=(SEQUENCES, HIDDEN)) * 0.5) for _ in range(memories)]
    actions = torch.tensor(law.actions(rng, rows, mask), dtype=torch.int64 if law.dtype is int else torch.float64)
    counts = torch.ones(rows)
    counts[[2, 7]] = 0
    parameters, value = network(w, x, memory, starts)
    log_prob, entropy = law.judge(w, parameters, actions, torch.tensor(mask))
    value = value.reshape(-1)
    old = {
        "logProbs": log_prob.detach() + torch.tensor(rng.normal(size=rows) * 0.3),
        "advantages": torch.tensor(rng.normal(size=rows) * 3 + 1),
        "returns": torch.tensor(rng.normal(size=rows) * 2),
        "values": value.detach() + torch.tensor(rng.normal(size=rows) * 0.5),
    }
    at = counts == 1
    ratio_log = (log_prob - old["logProbs"])[at]
    ratio, advantages, returns = ratio_log.exp(), old["advantages"][at], old["returns"][at]
    if options["normAdvantage"]:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    policy_loss = torch.max(-advantages * ratio, -advantages * torch.clamp(ratio, 1 - CLIP, 1 + CLIP)).mean()
    unclipped = (value[at] - returns) ** 2
    moved = old["values"][at] + torch.clamp(value[at] - old["values"][at], -CLIP, CLIP)
    squares = torch.max(unclipped, (moved - returns) ** 2) if options["clipVloss"] else unclipped
    value_loss, mean_entropy = 0.5 * squares.mean(), entropy[at].mean()
    loss = policy_loss - options["entCoef"] * mean_entropy + options["vfCoef"] * value_loss
    optimizer = torch.optim.Adam(w.values(), lr=LEARNING_RATE, eps=options["adamEpsilon"])
    loss.backward()
    described = {
        "name": name,
        "action": action,
        "memory": {0: None, 1: "gru", 2: "lstm"}[memories],
        "masked": masked,
        "options": options,
        "weights": {path: {"shape": list(tensor.shape), "values": listed(tensor)} for path, tensor in w.items()},
        "inputs": {"observations": listed(x), "actions": listed(actions), "counts": listed(counts), **{k: listed(v) for k, v in old.items()}},
        "figures": {
            "loss": number(loss),
            "policyLoss": number(policy_loss),
            "valueLoss": number(value_loss),
            "entropy": number(mean_entropy),
            "oldApproxKl": number((-ratio_log).mean()),
            "approxKl": number(((ratio - 1) - ratio_log).mean()),
            "clipFraction": number(((ratio - 1).abs() > CLIP).double().mean()),
        },
        "gradients": {path: listed(tensor.grad) for path, tensor in w.items()},
    }
    if masked:
        described["inputs"]["mask"] = listed(mask)
    if memories:
        described["inputs"]["starts"] = listed(starts)
        for index, each in enumerate(memory):
            described["inputs"][f"memory.{index}"] = listed(each)
    if options["maxGradNorm"] is not None:
        torch.nn.utils.clip_grad_norm_(w.values(), options["maxGradNorm"])
    optimizer.step()
    described["next"] = {path: listed(tensor) for path, tensor in w.items()}
    return described


def advantages(rng):
    """Generalized advantage estimation with what only few implementations have: bootstraps at truncations, steps that are none."""
    steps, count, gamma, lam = 8, 3, 0.97, 0.9
    rewards, values, bootstraps = (rng.normal(size=(steps, count)) for _ in range(3))
    terminated = (rng.random((steps, count)) < 0.15).astype(int)
    truncated = (rng.random((steps, count)) < 0.2).astype(int)
    counts = np.ones((steps, count))
    for step in range(1, steps):
        ended = (terminated[step - 1] | truncated[step - 1]) * counts[step - 1]
        counts[step] = 1 - ended * (np.arange(count) == 1)  # the second copy resets at the next step
    terminated, truncated = (terminated * counts).astype(int), (truncated * counts).astype(int)
    last = rng.normal(size=count)
    result = np.zeros((steps, count))
    for copy in range(count):
        running = 0.0
        for step in reversed(range(steps)):
            following = last[copy] if step == steps - 1 else values[step + 1, copy]
            if counts[step, copy] == 0:
                running = 0.0
                continue
            after = 0.0 if terminated[step, copy] else bootstraps[step, copy] if truncated[step, copy] else following
            goes_on = not (terminated[step, copy] or truncated[step, copy])
            running = rewards[step, copy] + gamma * after - values[step, copy] + gamma * lam * goes_on * running
            result[step, copy] = running
    return {
        "count": count,
        "gamma": gamma,
        "gaeLambda": lam,
        "rewards": listed(rewards),
        "values": listed(values),
        "terminated": listed(terminated),
        "truncated": listed(truncated),
        "bootstraps": listed(bootstraps),
        "counts": listed(counts),
        "lastValues": listed(last),
        "advantages": listed(result),
    }


def main():
    rng = np.random.default_rng(5)
    box = {"type": "box", "shape": [2], "low": [-1, -2], "high": [1, 3], "dtype": "F32"}
    plain = {"normAdvantage": False, "clipVloss": False, "maxGradNorm": None}
    several = {"type": "multiDiscrete", "nvec": [3, 2, 4]}
    cases = [
        case("one choice", rng, separate, separate_shapes, Choices([4]), {"type": "discrete", "n": 4}),
        case("plain losses", rng, separate, separate_shapes, Choices([4]), {"type": "discrete", "n": 4}, options=plain),
        case("several choices, masked", rng, separate, separate_shapes, Choices([3, 2, 4]), several, masked=True),
        case("switches, masked", rng, separate, separate_shapes, Switches(3), {"type": "multiBinary", "n": 3}, masked=True),
        case("a Gaussian", rng, separate, separate_shapes, Gaussian(2, False), box),
        case("a squashed Gaussian", rng, separate, separate_shapes, Gaussian(2, True), box),
        case("LSTM, several choices, masked", rng, recurrent("lstm"), recurrent_shapes(4), Choices([3, 2, 4]), several, 2, True),
        case("GRU, a Gaussian", rng, recurrent("gru"), recurrent_shapes(3), Gaussian(2, False), box, 1),
    ]
    shared = {"observation": OBSERVATION, "hidden": HIDDEN, "sequences": SEQUENCES, "time": TIME, "clip": CLIP, "learningRate": LEARNING_RATE}
    write("rl.json", {**shared, "cases": cases, "advantages": advantages(rng)})


if __name__ == "__main__":
    main()

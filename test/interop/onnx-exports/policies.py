"""Policies of each algorithm, space of actions, observation and memory, each after a few updates."""

import dataclasses

import numpy

BOX = {"type": "box", "shape": [6]}


@dataclasses.dataclass(frozen=True)
class Policy:
    name: str
    observation: dict
    action: dict
    algorithm: dict
    masked: bool = False
    options: dict = dataclasses.field(default_factory=dict)


def on_policy(kind, **more):
    return {"type": kind, "numSteps": 8, **more}


OFF_POLICY = {"learningStarts": 16, "batchSize": 16}
BOUNDED = {"type": "box", "shape": [2], "low": -1, "high": 1}

# Every algorithm of the catalog has at least one.
POLICIES = [
    Policy("ppo, one choice, normalised", BOX, {"type": "discrete", "n": 3}, on_policy("ppo", normaliseObservations=True)),
    Policy("ppo, one choice, masked", BOX, {"type": "discrete", "n": 4}, on_policy("ppo"), masked=True),
    Policy("ppo, several choices, masked", BOX, {"type": "multiDiscrete", "nvec": [3, 2]}, on_policy("ppo"), masked=True),
    Policy("ppo, yes or no, four times", BOX, {"type": "multiBinary", "n": 4}, on_policy("ppo")),
    Policy("ppo, a box", BOX, {"type": "box", "shape": [2], "low": [-1, -2], "high": [1, 0.5]}, on_policy("ppo")),
    Policy("ppo, one choice, memory lstm", BOX, {"type": "discrete", "n": 3}, on_policy("ppo"), options={"memory": {"type": "lstm", "hidden": 8}}),
    Policy("ppo, a box, memory gru", BOX, BOUNDED, on_policy("ppo"), options={"memory": {"type": "gru", "hidden": 8}}),
    Policy("ppo, pixels", {"type": "box", "shape": [3, 24, 24], "low": 0, "high": 255, "dtype": "U8"}, {"type": "discrete", "n": 3}, on_policy("ppo")),
    Policy("ppo, one of 16 places", {"type": "discrete", "n": 16}, {"type": "discrete", "n": 4}, on_policy("ppo")),
    Policy("ppo, several places", {"type": "multiDiscrete", "nvec": [3, 5]}, {"type": "discrete", "n": 2}, on_policy("ppo")),
    Policy("ppo, bits", {"type": "multiBinary", "n": 5}, {"type": "discrete", "n": 2}, on_policy("ppo")),
    Policy("a2c, one choice", BOX, {"type": "discrete", "n": 3}, {"type": "a2c"}),
    Policy("dqn, one choice", BOX, {"type": "discrete", "n": 3}, {"type": "dqn", **OFF_POLICY}),
    Policy("sac, a box", BOX, BOUNDED, {"type": "sac", **OFF_POLICY}),
    Policy("td3, a box", BOX, BOUNDED, {"type": "td3", **OFF_POLICY}),
]


def observed(space, rng, rows):
    """Observations as the space has them."""
    if space["type"] == "discrete":
        return rng.integers(0, space["n"], rows)
    if space["type"] == "multiDiscrete":
        return numpy.stack([rng.integers(0, n, rows) for n in space["nvec"]], axis=1)
    if space["type"] == "multiBinary":
        return rng.integers(0, 2, (rows, space["n"]))
    if space.get("dtype") == "U8":
        return rng.integers(0, 256, (rows, *space["shape"])).astype(numpy.uint8)
    return (rng.normal(size=(rows, *space["shape"])) * 2 + 1).astype(numpy.float32)


def masks(action, rng, rows):
    width = action["n"] if action["type"] == "discrete" else sum(action["nvec"])
    mask = (rng.random((rows, width)) < 0.6).astype(int)
    starts = [0] if action["type"] == "discrete" else numpy.cumsum([0, *action["nvec"][:-1]])
    mask[:, starts] = 1
    return mask


def learned(ml, policy, rng, steps=24, count=2):
    """The policy's model, after steps with rewards that were made up."""
    environment = {"type": "host", "observation": policy.observation, "action": policy.action, "count": count, "autoreset": "sameStep"}
    environment["mask"] = policy.masked
    made = ml.call("rl.create", environment=environment, algorithm=policy.algorithm, seed=1, **policy.options)
    for step in range(steps):
        seen = {"observations": observed(policy.observation, rng, count).tolist()}
        if policy.masked:
            seen["mask"] = masks(policy.action, rng, count).tolist()
        if step > 0:
            ends = {"terminated": [step % 7 == 0] * count, "truncated": [False] * count}
            seen |= {"rewards": rng.normal(size=count).tolist(), **ends}
        ml.call("rl.step", run=made["run"]["id"], **seen)
    ml.call("rl.close", run=made["run"]["id"])
    return made["model"]["id"]

"""Environments in pure Python that follow Gymnasium's API, for tests: neither Gymnasium nor NumPy is needed."""

import random


class Box:
    def __init__(self, low, high, shape, dtype="float32"):
        self.low, self.high, self.shape, self.dtype = low, high, shape, dtype


class Discrete:
    def __init__(self, n, start=0):
        self.n, self.start = n, start


class MultiDiscrete:
    def __init__(self, nvec):
        self.nvec = nvec
        self.shape = (len(nvec),)


class Dict:
    def __init__(self, **spaces):
        self.spaces = spaces


class Text:
    def __str__(self):
        return "Text(10)"


class Match:
    """Shows one of three signs as one-hot numbers; the choice that matches it brings 1. Ten steps an episode."""

    observation_space = Box(0, 1, (3,))
    action_space = Discrete(3)
    LENGTH = 10

    def __init__(self):
        self.closed = False
        self.actions = []

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "random"):
            self.random = random.Random(seed)
        self.steps = 0
        return self.show(), self.info()

    def step(self, action):
        self.actions.append(action)
        reward = 1.0 if self.means(action) == self.sign else 0.0
        self.steps += 1
        return self.show(), reward, False, self.steps == self.LENGTH, self.info()

    def means(self, action):
        return action

    def show(self):
        self.sign = self.random.randrange(3)
        return [1.0 if place == self.sign else 0.0 for place in range(3)]

    def info(self):
        return {}

    def close(self):
        self.closed = True


class Vectorised:
    """Several of an environment in one, as Gymnasium's vector environments are, in each autoreset mode."""

    def __init__(self, make, count, mode):
        self.copies = [make() for _ in range(count)]
        self.num_envs = count
        self.single_observation_space = self.copies[0].observation_space
        self.single_action_space = self.copies[0].action_space
        self.metadata = {"autoreset_mode": mode}
        self.mode = mode
        self.closed = False
        self.resets = 0

    def reset(self, seed=None, options=None):
        which = (options or {}).get("reset_mask", [True] * self.num_envs)
        for index, (copy, wanted) in enumerate(zip(self.copies, which)):
            if wanted:
                self.shown[index], _ = copy.reset() if options else copy.reset(seed=None if seed is None else seed + index)
                self.over[index] = False
                self.resets += 1
        return list(self.shown), {}

    @property
    def shown(self):
        return self.__dict__.setdefault("_shown", [None] * self.num_envs)

    @property
    def over(self):
        return self.__dict__.setdefault("_over", [False] * self.num_envs)

    def step(self, actions):
        rewards, cut, finals = [0.0] * self.num_envs, [False] * self.num_envs, [None] * self.num_envs
        for index, copy in enumerate(self.copies):
            if self.over[index]:
                if self.mode == "Disabled":
                    raise AssertionError("a copy that is over was stepped without a reset")
                self.shown[index], _ = copy.reset()
                self.over[index] = False
                continue
            self.shown[index], rewards[index], _, cut[index], _ = copy.step(actions[index])
            if cut[index] and self.mode == "SameStep":
                finals[index] = self.shown[index]
                self.shown[index], _ = copy.reset()
            else:
                self.over[index] = cut[index]
        infos = {"final_obs": finals} if any(final is not None for final in finals) else {}
        return list(self.shown), rewards, [False] * self.num_envs, cut, infos

    def close(self):
        self.closed = True

"""Policies on CartPole, here and in Stable-Baselines3, in turn and on one thread each. Prints one JSON line a case.

usage: rl.py CASE ...        PYTHONPATH must hold clients/python/src; Python needs bench/requirements-rl.txt
"""

import json
import statistics
import sys
import time

from ml_sidecar import Sidecar

ROUNDS = 3
#: Environment steps of one measurement: some seconds of Stable-Baselines3, a second or two of ours. A host's run is made anew for
#: each, so that it is as long as the training of the zoo's settings is.
STEPS = {"theirs": 12_288, "ours": 49_152, "host": 98_304}
SOLVED_SEEDS = 3
SOLVED_RETURN = 475
SOLVED_FIRST, SOLVED_MORE = 20_480, 6_144

CLEANRL = {
    "ours": {"type": "ppo", "numEnvs": 4, "numSteps": 128},
    "theirs": {"n_steps": 128, "batch_size": 128, "n_epochs": 4, "learning_rate": 2.5e-4, "ent_coef": 0.01, "clip_range_vf": 0.2},
    "count": 4,
}
ZOO = {
    "ours": {
        "type": "ppo", "numEnvs": 8, "numSteps": 32, "minibatchSize": 256, "updateEpochs": 20, "gamma": 0.98,
        "gaeLambda": 0.8, "learningRate": 1e-3, "annealClip": True, "entCoef": 0, "clipVloss": False,
    },
    "theirs": {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "gamma": 0.98, "gae_lambda": 0.8, "learning_rate": 1e-3},
    "count": 8,
}  # fmt: skip


def measured(steps, work):
    """Steps a second."""
    begun = time.perf_counter()
    work(steps)
    return steps / (time.perf_counter() - begun)


def theirs(settings):
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    model = PPO("MlpPolicy", make_vec_env("CartPole-v1", n_envs=settings["count"]), device="cpu", seed=1, **settings["theirs"])
    model.learn(settings["count"] * settings["theirs"]["n_steps"])
    return lambda: measured(STEPS["theirs"], lambda steps: model.learn(steps, reset_num_timesteps=False))


def inside(ml, settings):
    run = ml.call("rl.create", environment={"type": "CartPole-v1"}, algorithm=settings["ours"], seed=1)["run"]["id"]

    def train(steps):
        ml.job(ml.call("rl.train", run=run, totalSteps=steps)["job"]["id"]).wait()

    train(settings["ours"]["numEnvs"] * settings["ours"]["numSteps"])
    return lambda: measured(STEPS["ours"], train)


def hosted(ml, settings):
    """All environments in one group, or in two that are stepped in turn: whichever is faster on this machine."""
    import gymnasium

    def way(count):
        groups = [gymnasium.make_vec("CartPole-v1", num_envs=settings["count"] // count) for _ in range(count)]
        learn = lambda steps: ml.learn(groups, algorithm=settings["ours"], total_steps=steps, seed=1, progress=False)
        learn(1024)
        return lambda: measured(STEPS["host"], learn)

    return max((way(1), way(2)), key=lambda run: run())


def compare(ours, others):
    """Medians of both rates, and of the ratios of neighbouring rounds."""
    rounds = [(ours(), others()) for _ in range(ROUNDS)]
    return {
        "ours": statistics.median(own for own, _ in rounds),
        "theirs": statistics.median(other for _, other in rounds),
        "ratio": statistics.median(own / other for own, other in rounds),
    }


def versus(place, settings):
    with Sidecar(arguments=["--threads", "1"]) as ml:
        return compare(place(ml, settings), theirs(settings))


def solved():
    """Milliseconds from spawning the process until 100 episodes played greedily bring 475 in the mean."""
    plain = {**ZOO["ours"], "annealLearningRate": False, "annealClip": False}

    def once(seed):
        begun = time.perf_counter()
        with Sidecar() as ml:
            answer = ml.call("rl.create", environment={"type": "CartPole-v1"}, algorithm=plain, seed=seed)
            run, model = answer["run"]["id"], answer["model"]["id"]
            steps, score = SOLVED_FIRST, 0
            while score < SOLVED_RETURN:
                ml.job(ml.call("rl.train", run=run, totalSteps=steps)["job"]["id"]).wait()
                score = ml.call("policy.evaluate", model=model, episodes=100, seed=1000)["meanReturn"]
                steps = SOLVED_MORE
            return (time.perf_counter() - begun) * 1e3

    return {"milliseconds": statistics.median(once(seed) for seed in range(1, SOLVED_SEEDS + 1))}


CASES = {
    "rl-cleanrl": lambda: versus(inside, CLEANRL),
    "rl-zoo": lambda: versus(inside, ZOO),
    "rl-host": lambda: versus(hosted, ZOO),
    "rl-solved": solved,
}


def main():
    for case in sys.argv[1:] or list(CASES):
        print(json.dumps({"case": case, **CASES[case]()}), flush=True)


main()

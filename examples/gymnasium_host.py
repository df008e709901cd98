"""Balance eight poles with PPO: Gymnasium steps them in this process, ml-sidecar learns in its own.

Needs `pip install gymnasium`. Takes CartPole-v1 to a mean return near 500 in some seconds, shows a progress bar, and checks
what it promises: the policy, acting greedily in a fresh environment, keeps the pole up for at least 475 of 500 steps.
"""

import sys

import gymnasium

from ml_sidecar import Sidecar

# Settings of Stable-Baselines3's zoo.
PPO = {
    "type": "ppo", "numSteps": 32, "minibatchSize": 256, "updateEpochs": 20, "gamma": 0.98, "gaeLambda": 0.8,
    "learningRate": 1e-3, "annealClip": True, "entCoef": 0, "clipVloss": False,
}  # fmt: skip

with Sidecar() as ml:
    poles = gymnasium.make_vec("CartPole-v1", num_envs=8)
    policy = ml.learn(poles, algorithm=PPO, total_steps=100_000, seed=1)
    poles.close()
    print(f"{policy.metrics['charts/SPS']:.0f} steps a second, {policy.metrics['episodes']} episodes")

    pole = gymnasium.make("CartPole-v1")
    returns = policy.play(pole, episodes=10, seed=1000)
    pole.close()
    mean = sum(returns) / len(returns)
    print(f"mean return of {len(returns)} episodes: {mean:.1f}")
sys.exit(0 if mean >= 475 else 1)

"""A host that learns what to show to whom: each visit is an episode, and what it brings is known only some visits later."""
import random
from collections import deque

from ml_sidecar import Sidecar

OFFERS, KINDS, VISITS, DELAY = 4, 3, 4000, 25
LIKED = [0, 2, 3]  # the offer that each kind of visitor takes, most of the time
rng = random.Random(1)


def visitor():
    kind = rng.randrange(KINDS)
    return kind, [float(kind == other) for other in range(KINDS)]


def takes(kind, offer):
    return float(rng.random() < (0.8 if offer == LIKED[kind] else 0.1))


with Sidecar() as ml:
    environment = {
        "type": "host",
        "observation": {"type": "box", "shape": [KINDS], "low": 0, "high": 1},
        "action": {"type": "discrete", "n": OFFERS},
    }
    algorithm = {"type": "ppo", "numSteps": 128, "learningRate": 0.003, "annealLearningRate": False}
    run = ml.call("rl.create", environment=environment, algorithm=algorithm, seed=1)["run"]["id"]
    waiting, taken = deque(), []
    for visit in range(VISITS):
        kind, seen = visitor()
        offer = ml.call("policy.act", run=run, episodes=[f"visit {visit}"], observations=[seen])["actions"][0]
        waiting.append((f"visit {visit}", takes(kind, offer)))
        if len(waiting) > DELAY:  # what an earlier visit brought is known only now
            episode, reward = waiting.popleft()
            ml.call("policy.end", run=run, episode=episode, reward=reward)
            taken.append(reward)
    first, last = sum(taken[:500]) / 500, sum(taken[-500:]) / 500
    print(f"offers taken: {first:.0%} of the first 500, {last:.0%} of the last 500 (80% at best)")
    assert last > 0.65 and last > first + 0.15, "it should have learned"

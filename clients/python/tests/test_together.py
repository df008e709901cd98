"""Several agents in an environment that follows PettingZoo's parallel API, in pure Python, on the real sidecar."""

import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from worlds import Box, Discrete

from ml_sidecar import InvalidParamsError, Sidecar

PPO = {"type": "ppo", "numSteps": 64, "numMinibatches": 2, "learningRate": 0.01, "annealLearningRate": False, "gamma": 0.5}
SIGNS = [[1.0, 0.0], [0.0, 1.0]]


class Crowd:
    """Each agent is shown one of two signs and named it; the second leaves after three steps, the first after five."""

    possible_agents = ["one", "two"]
    lives = {"one": 5, "two": 3}

    def observation_space(self, agent):
        return Box(0, 1, (2,))

    def action_space(self, agent):
        return Discrete(2)

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "random"):
            self.random = random.Random(seed)
        self.steps = 0
        self.agents = list(self.possible_agents)
        return self.show(self.agents), {agent: {} for agent in self.agents}

    def show(self, agents):
        self.signs = {agent: self.random.randrange(2) for agent in agents}
        return {agent: SIGNS[sign] for agent, sign in self.signs.items()}

    def wanted(self, agent):
        return self.signs[agent]

    def step(self, actions):
        if set(actions) != set(self.agents):
            raise AssertionError("exactly those that are there act")
        rewards = {agent: float(action == self.wanted(agent)) for agent, action in actions.items()}
        self.steps += 1
        over = {agent: self.steps == self.lives[agent] for agent in self.agents}
        seen = self.show(self.agents)
        self.agents = [agent for agent in self.agents if not over[agent]]
        return seen, rewards, over, {agent: False for agent in over}, {agent: {} for agent in over}


class Opposed(Crowd):
    """The second has to name the other sign."""

    def wanted(self, agent):
        return self.signs[agent] if agent == "one" else 1 - self.signs[agent]


class Together(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar(use_numpy=False)

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def test_one_policy_acts_for_all(self):
        policies = self.ml.learn_together(Crowd(), total_steps=1200, algorithm=PPO, seed=1)
        self.assertIs(policies["one"], policies["two"])
        self.assertEqual([policies["one"].act(sign) for sign in SIGNS], [0, 1])
        self.assertEqual(self.ml.call("rl.list")["runs"], [])

    def test_each_has_a_policy_of_its_own(self):
        policies = self.ml.learn_together(Opposed(), total_steps=4000, algorithm=PPO, seed=1, shared=False)
        self.assertEqual([policies["one"].act(sign) for sign in SIGNS], [0, 1])
        self.assertEqual([policies["two"].act(sign) for sign in SIGNS], [1, 0])

    def test_agents_of_different_spaces_cannot_share(self):
        class Unlike(Crowd):
            def action_space(self, agent):
                return Discrete(2 if agent == "one" else 3)

        with self.assertRaises(InvalidParamsError) as caught:
            self.ml.learn_together(Unlike(), total_steps=10)
        self.assertIn("shared=False", caught.exception.hint)


if __name__ == "__main__":
    unittest.main()

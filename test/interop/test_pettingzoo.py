"""The real PettingZoo as a host's environment: all agents of a parallel environment learn over the wire with one call."""

import unittest

import numpy
from gymnasium.spaces import Box, Discrete
from ml_sidecar import InvalidParamsError, Sidecar
from mpe2 import simple_adversary_v3, simple_spread_v3
from pettingzoo import ParallelEnv
from pettingzoo.classic import rps_v2
from pettingzoo.test import parallel_api_test

#: Gentle enough that no agent settles on an answer before it has tried the others.
GENTLE = {"learningRate": 0.002, "entCoef": 0.05}
PPO = {"type": "ppo", "numSteps": 32, "learningRate": 0.005, "annealLearningRate": False, "gamma": 0.5}


class Signs(ParallelEnv):
    """Each agent is shown one of three signs and should name it; the second one leaves after four steps, the first after eight."""

    metadata = {"name": "signs_v0", "render_modes": []}
    render_mode = None
    lives = {"stayer": 8, "leaver": 4}
    seen, done = Box(0, 1, (3,), numpy.float32), Discrete(3)

    def __init__(self):
        self.possible_agents = list(self.lives)
        self.random = numpy.random.default_rng(1)

    def observation_space(self, agent):
        return self.seen

    def action_space(self, agent):
        return self.done

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.random = numpy.random.default_rng(seed)
        self.agents, self.time = list(self.possible_agents), 0
        return self._show(), {agent: {} for agent in self.agents}

    def _show(self):
        self.shown = {agent: int(self.random.integers(3)) for agent in self.agents}
        return {agent: numpy.eye(3, dtype=numpy.float32)[sign] for agent, sign in self.shown.items()}

    def step(self, actions):
        rewards = {agent: float(actions[agent] == self.shown[agent]) for agent in self.agents}
        self.time += 1
        terminated = {agent: agent == "leaver" and self.time >= self.lives[agent] for agent in self.agents}
        truncated = {agent: agent == "stayer" and self.time >= self.lives[agent] for agent in self.agents}
        observations = self._show()
        infos = {agent: {} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not (terminated[agent] or truncated[agent])]
        return observations, rewards, terminated, truncated, infos


class PettingZoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar()

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def learn(self, environment, **options):
        algorithm = {**PPO, **options.pop("algorithm", {})}
        return self.ml.learn_together(environment, algorithm=algorithm, seed=1, **{"total_steps": 600, **options})

    def expect_fitting(self, environment, policies):
        observations, _ = environment.reset(seed=3)
        for agent, policy in policies.items():
            self.assertTrue(environment.action_space(agent).contains(policy.act(observations[agent])), agent)

    def test_an_environment_that_their_own_test_passes_is_learned_shared_and_apart(self):
        parallel_api_test(Signs(), num_cycles=100)
        for shared in (True, False):
            with self.subTest(shared=shared):
                policies = self.learn(Signs(), shared=shared, total_steps=12_000, algorithm=GENTLE)
                self.assertEqual(len({policy.id for policy in policies.values()}), 1 if shared else 2)
                for policy in policies.values():
                    self.assertEqual([policy.act(sign) for sign in numpy.eye(3, dtype=numpy.float32)], [0, 1, 2])

    def test_the_same_seed_gives_the_same_policies_to_the_bit(self):
        signs = numpy.eye(3, dtype=numpy.float32)
        for shared in (True, False):
            with self.subTest(shared=shared):
                one, other = (self.learn(Signs(), shared=shared) for _ in range(2))
                for agent in one:
                    for name in ("values", "logProbs"):
                        numpy.testing.assert_array_equal(one[agent].answer(signs)[name], other[agent].answer(signs)[name], agent)

    def test_agents_that_spread_over_landmarks_share_a_policy(self):
        environment = simple_spread_v3.parallel_env(N=3, max_cycles=10)
        policies = self.learn(environment)
        self.assertEqual(list(policies), ["agent_0", "agent_1", "agent_2"])
        self.assertGreater(policies["agent_0"].metrics["episodes"], 20)
        self.expect_fitting(environment, policies)
        environment.close()

    def test_actions_in_a_box(self):
        environment = simple_spread_v3.parallel_env(N=2, max_cycles=10, continuous_actions=True)
        policies = self.learn(environment)
        for policy in policies.values():
            self.assertEqual(policy.act(environment.reset(seed=1)[0]["agent_0"]).shape, (5,))
        environment.close()

    def test_agents_that_see_different_things_learn_apart_and_cannot_share(self):
        environment = simple_adversary_v3.parallel_env(N=2, max_cycles=10)
        with self.assertRaises(InvalidParamsError) as caught:
            self.learn(environment)
        self.assertIn("agent_0", str(caught.exception))
        self.expect_fitting(environment, self.learn(environment, shared=False))
        environment.close()

    def test_two_players_of_rock_paper_scissors(self):
        environment = rps_v2.parallel_env(max_cycles=5)
        self.expect_fitting(environment, self.learn(environment, shared=False))
        environment.close()


if __name__ == "__main__":
    unittest.main()

"""The real Gymnasium as a host's environment: each kind and autoreset mode is learned in over the wire with one call."""

import unittest

import gymnasium
from gymnasium.vector import AutoresetMode
from ml_sidecar import Sidecar

PPO = {"type": "ppo", "numSteps": 16}


class GymnasiumHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar()

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def learn(self, environment, **options):
        return self.ml.learn(environment, algorithm=PPO, total_steps=1200, seed=1, progress=False, **options)

    def test_each_autoreset_mode_of_vector_environments(self):
        for mode in AutoresetMode:
            with self.subTest(mode):
                options = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
                environment = gymnasium.make_vec("CartPole-v1", num_envs=4, max_episode_steps=30, **options)
                self.assertGreater(self.learn(environment).metrics["episodes"], 20)
                environment.close()

    def test_environments_of_all_spaces(self):
        for name in ("CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Blackjack-v1", "Taxi-v4"):
            with self.subTest(name):
                policy = self.learn(lambda name=name: gymnasium.make(name), num_envs=4, groups=2)
                environment = gymnasium.make(name)
                observation, _ = environment.reset(seed=1)
                self.assertTrue(environment.action_space.contains(policy.act(observation)))


if __name__ == "__main__":
    unittest.main()

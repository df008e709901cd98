"""Learning in the host's own environments, in pure Python, on the real sidecar."""

import io
import pathlib
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from worlds import Box, Dict, Discrete, Match, MultiDiscrete, Text, Vectorised

from ml_sidecar import InvalidParamsError, NonFiniteError, Sidecar

PPO = {"type": "ppo", "numSteps": 16, "numMinibatches": 2, "learningRate": 0.02, "gamma": 0.5}
SIGNS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


class WithSidecar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar(use_numpy=False)

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def learn(self, environment, **options):
        given = {"algorithm": PPO, "total_steps": 2400, "seed": 1, "progress": False, **options}
        return self.ml.learn(environment, **given)

    def runs(self):
        return self.ml.call("rl.list")["runs"]


class Learning(WithSidecar):
    def test_environments_that_a_function_makes_are_learned_and_closed(self):
        made = []

        def make():
            made.append(Match())
            return made[-1]

        policy = self.learn(make, num_envs=8)
        self.assertEqual([policy.act(sign) for sign in SIGNS], [0, 1, 2])
        self.assertEqual([each.closed for each in made], [True] * len(made))
        self.assertEqual(self.runs(), [])

    def test_two_groups_learn_as_one_does(self):
        policy = self.learn(Match, num_envs=8, groups=2)
        self.assertEqual(policy.act(SIGNS), [0, 1, 2])

    def test_one_environment_stays_open(self):
        world = Match()
        self.learn(world, total_steps=64)
        self.assertFalse(world.closed)

    def test_vector_environments_are_learned_in_each_autoreset_mode(self):
        for mode in ("NextStep", "SameStep", "Disabled"):
            with self.subTest(mode):
                world = Vectorised(Match, 4, mode)
                policy = self.learn(world)
                self.assertEqual(policy.act(SIGNS), [0, 1, 2])
                self.assertFalse(world.closed)

    def test_learning_ends_once_the_wanted_return_is_reached(self):
        policy = self.learn(Match, num_envs=8, total_steps=1_000_000, stop_return=8.0)
        self.assertLess(policy.metrics["global_step"], 100_000)

    def test_policies_play_whole_episodes(self):
        policy = self.learn(Match, num_envs=8)
        self.assertEqual(policy.play(Match(), episodes=2), [10.0, 10.0])

    def test_a_policy_is_saved_and_acts_again(self):
        policy = self.learn(Match, num_envs=8)
        with tempfile.TemporaryDirectory() as folder:
            policy.save(pathlib.Path(folder) / "match")
            again = self.ml.policy(self.ml.load(pathlib.Path(folder) / "match").id)
        self.assertEqual(list(again.act(SIGNS)), [0, 1, 2])

    def test_a_policy_with_a_memory_goes_on_from_its_last_call_until_it_forgets(self):
        policy = self.learn(Match, num_envs=4, memory="gru", total_steps=128)
        first, second = (policy.answer([SIGNS[0]])["values"][0] for _ in range(2))
        policy.forget()
        self.assertNotEqual(first, second)
        self.assertEqual(policy.answer([SIGNS[0]])["values"][0], first)


class Spaces(WithSidecar):
    def test_choices_that_begin_at_another_number_are_given_as_such(self):
        class Shifted(Match):
            action_space = Discrete(3, start=5)

            def means(self, action):
                return action - 5

        self.assertEqual([self.learn(Shifted, num_envs=8).act(sign) for sign in SIGNS], [5, 6, 7])

    def test_several_choices_at_once(self):
        class Several(Match):
            action_space = MultiDiscrete([3, 2])

            def means(self, action):
                return action[0]

        actions = [self.learn(Several, num_envs=8, total_steps=256).act(sign) for sign in SIGNS[:1]]
        self.assertEqual([len(action) for action in actions], [2])

    def test_numbers_in_a_box(self):
        class Point(Match):
            action_space = Box([-1.0, -1.0], [1.0, 1.0], (2,))

            def means(self, action):
                return int(action[0] > 0)

        self.assertEqual(len(self.learn(Point, num_envs=4, total_steps=64).act(SIGNS[0])), 2)

    def test_dicts_are_seen_as_numbers_side_by_side(self):
        class Named(Match):
            observation_space = Dict(sign=Discrete(3), noise=Box(0, 1, (2,)))

            def show(self):
                super().show()
                return {"sign": self.sign, "noise": [0.0, 0.0]}

        policy = self.learn(Named, num_envs=8)
        self.assertEqual([policy.act({"sign": sign, "noise": [0.0, 0.0]}) for sign in range(3)], [0, 1, 2])

    def test_a_space_that_cannot_be_handled_is_named_before_anything_is_stepped(self):
        class Talking(Match):
            observation_space = Dict(said=Text())

        with self.assertRaises(InvalidParamsError) as caught:
            self.learn(Talking)
        self.assertEqual(caught.exception.violations[0]["path"], "observation_space['said']")
        self.assertEqual(caught.exception.violations[0]["got"], "Text(10)")

    def test_what_is_no_environment_is_refused(self):
        with self.assertRaises(InvalidParamsError):
            self.learn(object())

    def test_only_what_the_mask_allows_is_done(self):
        class Masked(Match):
            def info(self):
                return {"action_mask": [1, 0, 1]}

        world = Masked()
        policy = self.learn([world], total_steps=300)
        self.assertNotIn(1, world.actions)
        self.assertNotEqual(policy.act(SIGNS[1], mask=[1, 0, 1], deterministic=False), 1)


class Trouble(WithSidecar):
    def test_what_an_environment_raises_is_raised_and_the_run_has_ended(self):
        made = []

        class Broken(Match):
            def step(self, action):
                if len(self.actions) == 50:
                    raise ZeroDivisionError("a wheel came off")
                return super().step(action)

        def make():
            made.append(Broken())
            return made[-1]

        with self.assertRaises(ZeroDivisionError):
            self.learn(make, num_envs=8, groups=2)
        self.assertEqual(self.runs(), [])
        self.assertEqual([each.closed for each in made], [True] * len(made))

    def test_a_function_that_fails_leaves_no_environment_open(self):
        made = []

        def make():
            if len(made) == 3:
                raise ZeroDivisionError("no wheels left")
            made.append(Match())
            return made[-1]

        with self.assertRaises(ZeroDivisionError):
            self.learn(make, num_envs=8)
        self.assertEqual([each.closed for each in made], [True] * 3)

    def test_an_environment_that_cannot_be_closed_costs_neither_the_policy_nor_the_others(self):
        made = []

        class Stuck(Match):
            def close(self):
                super().close()
                raise ZeroDivisionError("the door is jammed")

        def make():
            made.append(Stuck())
            return made[-1]

        with self.assertWarnsRegex(RuntimeWarning, "the door is jammed"):
            policy = self.learn(make, num_envs=8, groups=2)
        self.assertEqual([policy.act(sign) for sign in SIGNS], [0, 1, 2])
        self.assertEqual([each.closed for each in made], [True] * 8)

    def test_an_observation_that_is_no_number_names_its_environment(self):
        class Lost(Match):
            def show(self):
                return [float("nan"), 0.0, 0.0] if getattr(self, "steps", 0) == 5 else super().show()

        with self.assertRaises(NonFiniteError) as caught:
            self.learn([Match(), Lost()])
        self.assertEqual(caught.exception.violations[0]["path"], "observations[1][0]")
        self.assertEqual(self.runs(), [])

    def test_a_wrong_option_is_the_sidecars_error_with_its_path(self):
        with self.assertRaises(InvalidParamsError) as caught:
            self.learn(Match, algorithm={"type": "ppo", "gamma": 2})
        self.assertEqual(caught.exception.violations[0]["path"], "algorithm.gamma")


class Progress(WithSidecar):
    def test_a_function_hears_each_update(self):
        heard = []
        self.learn(Match, num_envs=8, total_steps=512, progress=heard.append)
        self.assertEqual([update["global_step"] for update in heard], [128, 256, 384, 512])

    def test_a_bar_is_shown_on_standard_error(self):
        stderr = io.StringIO()
        with redirect_stderr(stderr):
            self.learn(Match, num_envs=8, total_steps=512, progress=True)
        self.assertIn("100%", stderr.getvalue())
        self.assertIn("return", stderr.getvalue())


if __name__ == "__main__":
    unittest.main()

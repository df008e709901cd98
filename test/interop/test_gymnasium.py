"""Our environments beside Gymnasium's: the same seeds and actions give the same spaces, episodes, rewards and resets."""

import json
import pathlib
import subprocess
import unittest

import gymnasium
import numpy
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT = 3
MODES = {"nextStep": AutoresetMode.NEXT_STEP, "sameStep": AutoresetMode.SAME_STEP}
# Our sine and cosine are V8's, theirs the C library's: the last bit may differ, and motion carries that on.
CLOSE = {"rtol": 2e-6, "atol": 2e-6}
CHAOTIC = {"rtol": 1e-4, "atol": 1e-4}
# Up, right, down, left: so that a random walk passes the cliff at all.
LEANINGS = {"CliffWalking-v1": [0.3, 0.4, 0.2, 0.1], "CliffWalkingSlippery-v1": [0.3, 0.4, 0.2, 0.1]}

# Type, our options, Gymnasium's, steps, tolerance.
CASES = [
    ("CartPole-v1", {}, {}, 600, CLOSE),
    ("CartPole-v1", {"suttonBartoReward": True}, {"sutton_barto_reward": True}, 100, CLOSE),
    ("Acrobot-v1", {}, {}, 1200, CHAOTIC),
    ("MountainCar-v0", {}, {}, 600, CLOSE),
    ("MountainCar-v0", {"goalVelocity": 0.02}, {"goal_velocity": 0.02}, 100, CLOSE),
    ("MountainCarContinuous-v0", {}, {}, 2200, CLOSE),
    ("Pendulum-v1", {}, {}, 600, CLOSE),
    ("Pendulum-v1", {"gravity": 9.81}, {"g": 9.81}, 250, CLOSE),
    ("FrozenLake-v1", {}, {}, 600, CLOSE),
    ("FrozenLake-v1", {"isSlippery": False}, {"is_slippery": False}, 300, CLOSE),
    (
        "FrozenLake-v1",
        {"desc": ["SFFFF", "FFHFF", "FFFFG"], "successRate": 0.7, "rewardSchedule": [2, -1, -0.1]},
        {"desc": ["SFFFF", "FFHFF", "FFFFG"], "success_rate": 0.7, "reward_schedule": (2, -1, -0.1)},
        600,
        CLOSE,
    ),
    ("FrozenLake8x8-v1", {}, {}, 800, CLOSE),
    ("CliffWalking-v1", {}, {}, 1500, CLOSE),
    ("CliffWalkingSlippery-v1", {}, {}, 1500, CLOSE),
    ("Taxi-v4", {}, {}, 1000, CLOSE),
    (
        "Taxi-v4",
        {"isRainy": True, "ficklePassenger": True, "rainyProbability": 0.6, "fickleProbability": 0.9},
        {"is_rainy": True, "fickle_passenger": True, "rainy_probability": 0.6, "fickle_probability": 0.9},
        1500,
        CLOSE,
    ),
    ("Blackjack-v1", {}, {}, 600, CLOSE),
    ("Blackjack-v1", {"sab": False, "natural": True}, {"sab": False, "natural": True}, 600, CLOSE),
]


def values(observations):
    """Observations of any space as [count, numbers]."""
    if isinstance(observations, tuple):
        return numpy.stack([numpy.asarray(part) for part in observations], axis=1).astype(numpy.float64)
    return numpy.asarray(observations, dtype=numpy.float64).reshape(COUNT, -1)


def chosen(environment, random, masks):
    """Random actions; throttles and torques also beyond their bounds; half of the time one that changes something."""
    space = environment.single_action_space
    if isinstance(space, gymnasium.spaces.Box):
        actions = random.uniform(space.low * 1.5, space.high * 1.5, (COUNT, *space.shape))
        edges = random.random(actions.shape) < 0.05
        return numpy.where(edges, space.high, actions).astype(numpy.float32)
    likely = LEANINGS.get(environment.spec.id if environment.spec else "")
    actions = random.choice(space.n, size=COUNT, p=likely)
    if masks is not None:
        for copy, mask in enumerate(masks):
            if random.random() < 0.5 and mask.any():
                actions[copy] = random.choice(numpy.flatnonzero(mask))
    return actions


def statistics(infos, key, before):
    if "episode" not in infos:
        return before
    return numpy.where(infos["_episode"], infos["episode"][key], before)


def walk(environment, seed, steps, policy=chosen):
    """What Gymnasium's environments give, and the actions that were taken."""
    random = numpy.random.default_rng(seed)
    observations, infos = environment.reset(seed=seed)
    trace = [{"observations": values(observations), "mask": infos.get("action_mask")}]
    actions = []
    for _ in range(steps):
        action = policy(environment, random, trace[-1]["mask"])
        actions.append(numpy.asarray(action).reshape(-1).tolist())
        observations, rewards, terminated, truncated, infos = environment.step(action)
        masks = infos.get("action_mask")
        final = infos.get("final_obs")
        trace.append(
            {
                "observations": values(observations),
                "mask": None if masks is None else numpy.stack(list(masks)),
                "rewards": rewards.copy(),
                "terminated": terminated.copy(),
                "truncated": truncated.copy(),
                "final": final,
                "returns": statistics(infos, "r", numpy.full(COUNT, numpy.nan)),
                "lengths": statistics(infos, "l", numpy.full(COUNT, numpy.nan)),
            }
        )
    return trace, actions


class Environments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = ["node", "--import", "tsx", "test/interop/environments.ts"]
        cls.ours = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @classmethod
    def tearDownClass(cls):
        cls.ours.stdin.close()
        cls.ours.wait(30)
        cls.ours.stdout.close()

    def ask(self, **asked):
        self.ours.stdin.write(json.dumps(asked) + "\n")
        self.ours.stdin.flush()
        return json.loads(self.ours.stdout.readline())

    def compare(self, case, mode, seed):
        type_, options, theirs, steps, tolerance = case
        vector = {"autoreset_mode": MODES[mode]}
        environment = gymnasium.make_vec(
            type_, num_envs=COUNT, vectorization_mode="sync", vector_kwargs=vector, **theirs
        )
        trace, actions = walk(RecordEpisodeStatistics(environment), seed, steps)
        got = self.ask(type=type_, options=options, count=COUNT, autoreset=mode, seed=seed, actions=actions)
        self.compare_observation(got["first"], trace[0], tolerance)
        ended = 0
        for step, (ours, expected) in enumerate(zip(got["steps"], trace[1:], strict=True)):
            message = f"{type_} {mode} seed {seed} step {step}"
            self.assertEqual([bool(value) for value in ours["terminated"]], expected["terminated"].tolist(), message)
            self.assertEqual([bool(value) for value in ours["truncated"]], expected["truncated"].tolist(), message)
            numpy.testing.assert_allclose(ours["rewards"], expected["rewards"], err_msg=message, **tolerance)
            self.compare_observation(ours, expected, tolerance)
            over = expected["terminated"] | expected["truncated"]
            ended += int(over.sum())
            for key in ("returns", "lengths"):
                here, there = numpy.array(ours[key])[over], expected[key][over]
                numpy.testing.assert_allclose(here, there, rtol=1e-5, err_msg=message)
            if mode == "sameStep":
                self.compare_final(ours, expected, over, tolerance)
        return got, ended

    def compare_observation(self, ours, expected, tolerance):
        here = numpy.array(ours["observations"]).reshape(COUNT, -1)
        numpy.testing.assert_allclose(here, expected["observations"], **tolerance)
        if expected["mask"] is not None and all(mask is not None for mask in expected["mask"]):
            self.assertEqual(ours["mask"], numpy.stack(list(expected["mask"])).reshape(-1).tolist())

    def compare_final(self, ours, expected, over, tolerance):
        final = numpy.array(ours["final"]).reshape(COUNT, -1)
        for copy in numpy.flatnonzero(over):
            last = numpy.asarray(expected["final"][copy], dtype=numpy.float64).reshape(-1)
            numpy.testing.assert_allclose(final[copy], last, **tolerance)

    def test_trajectories_are_gymnasiums(self):
        for case in CASES:
            for mode in MODES:
                for seed in (42, 123_456_789_012):
                    with self.subTest(case[0], options=case[1], mode=mode, seed=seed):
                        _, ended = self.compare(case, mode, seed)
                        if case[3] >= 600:
                            self.assertGreater(ended, 0, "episodes end in this test")

    def test_spaces_limits_and_thresholds_are_gymnasiums(self):
        for type_ in dict.fromkeys(case[0] for case in CASES):
            with self.subTest(type_):
                spec = gymnasium.spec(type_)
                environment = gymnasium.make(type_)
                got = self.ask(type=type_, options={}, count=1, autoreset="nextStep", seed=0, actions=[])
                self.assertEqual(got["maxEpisodeSteps"], spec.max_episode_steps)
                self.assertEqual(got["rewardThreshold"], spec.reward_threshold)
                self.compare_space(got["spaces"]["observation"], environment.observation_space)
                self.compare_space(got["spaces"]["action"], environment.action_space)

    def compare_space(self, ours, theirs):
        if isinstance(theirs, gymnasium.spaces.Discrete):
            self.assertEqual((ours["type"], float(ours["n"])), ("discrete", theirs.n))
        elif isinstance(theirs, gymnasium.spaces.Tuple):
            self.assertEqual([float(n) for n in ours["nvec"]], [part.n for part in theirs])
        else:

            def bound(name):  # stands once where all are the same
                values = ours[name] if isinstance(ours[name], list) else [ours[name]]
                return numpy.broadcast_to(numpy.array([float(value) for value in values], dtype=numpy.float32), theirs.shape)

            self.assertEqual([float(length) for length in ours["shape"]], list(theirs.shape))
            numpy.testing.assert_array_equal(bound("low"), theirs.low)
            numpy.testing.assert_array_equal(bound("high"), theirs.high)

    def test_a_pole_that_is_balanced_is_cut_off_at_the_same_step(self):
        def balance(environment, _random, _mask):
            states = [each.unwrapped.state for each in environment.unwrapped.envs]
            return numpy.array([int(s[2] + 0.5 * s[3] + 0.05 * s[0] + 0.1 * s[1] > 0) for s in states])

        environment = gymnasium.make_vec("CartPole-v1", num_envs=COUNT, vectorization_mode="sync")
        trace, actions = walk(environment, 5, 510, balance)
        asked = {"type": "CartPole-v1", "options": {}, "count": COUNT, "autoreset": "nextStep", "seed": 5}
        got = self.ask(**asked, actions=actions)
        for ours, expected in zip(got["steps"], trace[1:], strict=True):
            self.assertEqual([bool(value) for value in ours["truncated"]], expected["truncated"].tolist())
            self.compare_observation(ours, expected, CLOSE)
        self.assertTrue(any(step["truncated"].any() for step in trace[1:]))


if __name__ == "__main__":
    unittest.main()

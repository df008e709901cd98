"""Learning in the host's own environments: steps go out as ``rl.step``, one group at a time, while the others are being answered."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Union

from . import requests
from .client import Model
from .environments import wrap
from .errors import SidecarError
from .progress import ProgressBar
from .session import Call, Event
from .spaces import Codec
from .steps import StepLines

if TYPE_CHECKING:
    from . import _types as types
    from .client import Sidecar

OnUpdate = Callable[[Dict[str, Any]], None]
SHOWN_SECONDS = 0.1


class Policy(Model):
    """A model that acts. ``observation`` and ``action`` are the spaces that it learned with, where they are known."""

    def __init__(self, sidecar: Sidecar, view: types.Model, observation: Optional[Codec] = None, action: Optional[Codec] = None) -> None:
        super().__init__(sidecar, view)
        self.observation = observation
        self.action = action
        #: Figures of the last update, under CleanRL's names.
        self.metrics: Dict[str, Any] = {}
        self._memory: Any = None
        self._rows = 0

    def act(self, observation: Any, *, mask: Any = None, deterministic: bool = True, seed: Optional[int] = None) -> Any:
        """An action for one observation, or actions for a batch of them, as the environment takes them.

        A policy with a memory goes on from its last call; ``forget`` where an episode begins.

        mask: which choices are allowed, as ``info["action_mask"]`` has it; of a batch, one row each.
        deterministic: the most likely action, or one drawn as in training.
        """
        is_single = self.observation is not None and self.observation.is_single(observation)
        rows = [observation] if is_single else observation
        mask = [mask] if is_single and mask is not None else mask
        answer = self.answer(rows, mask=mask, deterministic=deterministic, seed=seed)
        actions = answer["actions"]
        if self.action is None:
            return actions
        return self.action.decode_row(actions, 0) if is_single else self.action.decode(actions)

    def answer(self, observations: Any, *, mask: Any = None, deterministic: bool = True, seed: Optional[int] = None) -> Dict[str, Any]:
        """All that ``policy.act`` says of a batch: ``actions``, ``values``, ``logProbs``."""
        count = _rows_of(observations)
        if count != self._rows:
            self.forget()
        encoded = observations
        if self.observation is not None:
            encode = self.observation.encode_rows if isinstance(observations, list) else None
            encoded = encode(observations) if encode else self.observation.encode(observations, count)
        params = requests.options({"model": self.id, "observations": encoded, "mask": mask, "state": self._memory, "seed": seed})
        answer = self._sidecar.call("policy.act", **params, deterministic=deterministic)
        self._memory, self._rows = answer.get("state"), count
        return answer

    def forget(self) -> None:
        """Empties the memory of a policy that has one: what comes next begins an episode."""
        self._memory, self._rows = None, 0

    def play(self, environment: Any, episodes: int = 100, *, seed: Optional[int] = 0, deterministic: bool = True) -> List[float]:
        """The returns of so many episodes in an environment of the host's, which stays open."""
        returns: List[float] = []
        for episode in range(episodes):
            self.forget()
            observation, info = environment.reset(seed=None if seed is None else seed + episode)
            total, is_over = 0.0, False
            while not is_over:
                action = self.act(observation, mask=info.get("action_mask"), deterministic=deterministic)
                observation, reward, terminated, truncated, info = environment.step(action)
                total += float(reward)
                is_over = bool(terminated) or bool(truncated)
            returns.append(total)
        return returns


def learn(
    sidecar: Sidecar,
    environment: Any,
    *,
    total_steps: int,
    algorithm: Union[str, Mapping[str, Any]] = "ppo",
    num_envs: Optional[int] = None,
    groups: Optional[int] = None,
    seed: Optional[int] = None,
    stop_return: Optional[float] = None,
    progress: Union[bool, OnUpdate] = True,
    **options: Any,
) -> Policy:
    """See ``Sidecar.learn``."""
    worlds = wrap(environment, num_envs, groups)
    try:
        first = [world.reset(None if seed is None else seed + index * world.count) for index, world in enumerate(worlds)]
        run, policy = _create(sidecar, worlds, total_steps, algorithm, seed, options)
        shown = _Shown(progress, total_steps)
        try:
            _follow(sidecar, run, worlds, first, total_steps, stop_return, shown, policy)
        except BaseException:
            _end(sidecar, run)
            raise
        finally:
            shown.close()
        policy.view = sidecar.call("rl.close", run=run)["model"]
        return policy
    finally:
        for world in worlds:
            world.close()


def _create(
    sidecar: Sidecar,
    worlds: List[Any],
    total_steps: int,
    algorithm: Any,
    seed: Optional[int],
    options: Mapping[str, Any],
) -> Any:
    world = worlds[0]
    host = {
        "type": "host",
        "observation": world.observation.wire,
        "action": world.action.wire,
        "count": world.count,
        "groups": len(worlds),
        "autoreset": world.autoreset,
        "mask": world.masked,
    }
    given = {"environment": host, "algorithm": algorithm, "totalSteps": total_steps, "seed": seed, **options}
    answer = sidecar.call("rl.create", **requests.options(given))
    return answer["run"]["id"], Policy(sidecar, answer["model"], world.observation, world.action)


def _follow(
    sidecar: Sidecar,
    run: str,
    worlds: List[Any],
    first: List[Dict[str, Any]],
    total_steps: int,
    stop_return: Optional[float],
    shown: "_Shown",
    policy: Policy,
) -> None:
    """Steps the groups in turn: while one group's environments move, the sidecar answers the others."""

    steps = 0
    is_reached = False
    session, lines = sidecar._session, StepLines(run, len(worlds))

    def send(group: int, told: Dict[str, Any]) -> Call:
        return sidecar._write(session.begin_line(lambda id: lines.line(id, group, told)))

    def hear(call: Call) -> Any:
        nonlocal is_reached
        sidecar._await(call, None)
        answer = session.result(call)
        if "update" in answer:
            update = policy.metrics = session.decoder.decode(answer["update"])
            shown.update(update)
            is_reached = stop_return is not None and _reached(update, stop_return)
        tell_warnings(answer)
        return session.decoder.tensor(answer["actions"])

    calls = [send(group, told) for group, told in enumerate(first)]
    while True:
        for group, world in enumerate(worlds):
            actions = hear(calls[group])
            if steps >= total_steps or is_reached:
                for call in calls[:group] + calls[group + 1 :]:
                    hear(call)
                return
            told = world.step(actions)
            steps += world.count
            calls[group] = send(group, told)


def tell_warnings(answer: Mapping[str, Any]) -> None:
    """What goes wrong with learning, as Python warns; ``warnings.filterwarnings`` decides what becomes of it."""
    for warning in answer.get("warnings", ()):
        warnings.warn(f"{warning['message']}; {warning['hint']}", RuntimeWarning, stacklevel=5)


def _reached(update: Mapping[str, Any], wanted: float) -> bool:
    return update.get("episodes", 0) >= 100 and update.get("charts/mean_return_100", float("-inf")) >= wanted


def _end(sidecar: Sidecar, run: str) -> None:
    """Ends the run; what went wrong before is what counts."""
    try:
        sidecar.call("rl.close", run=run)
    except (SidecarError, OSError):
        pass


def _rows_of(observations: Any) -> int:
    while isinstance(observations, (dict, tuple)):
        observations = next(iter(observations.values() if isinstance(observations, dict) else observations))
    return len(observations)


class _Shown:
    """Progress as a bar on standard error, or told to a function."""

    def __init__(self, progress: Union[bool, OnUpdate], total: int) -> None:
        self._tell = progress if callable(progress) else None
        self._bar = ProgressBar() if progress is True else None
        self._total = total
        self._began = time.monotonic()
        self._last = 0.0
        self._final: Optional[Event] = None

    def update(self, update: Dict[str, Any]) -> None:
        if self._tell is not None:
            self._tell(update)
        now = time.monotonic()
        if self._bar is None:
            return
        done = update["global_step"]
        rate = done / max(now - self._began, 1e-9)
        left = max(0.0, (self._total - done) / max(rate, 1e-9))
        facts = {**update, "done": done, "total": self._total, "rate": rate, "secondsLeft": left, "unit": "steps"}
        self._final = Event("", 0, "", "rl.update", facts)
        if now - self._last >= SHOWN_SECONDS:
            self._last = now
            self._bar.show(self._final)

    def close(self) -> None:
        if self._bar is not None:
            if self._final is not None:
                self._bar.show(self._final)
            self._bar.close()

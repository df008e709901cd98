"""Gymnasium's environments as ``rl.step`` takes them: one by one or vectorised, in any autoreset mode, with masks.

Only what an environment does is looked at, so that Gymnasium need not be installed, and ones made by hand do as well.
"""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import SidecarError, from_wire
from .spaces import Codec, action_codec, observation_codec

Params = Dict[str, Any]
MASK = "action_mask"
_AUTORESET = {"NextStep": "nextStep", "SameStep": "sameStep", "Disabled": "disabled"}


class Singles:
    """Several environments stepped one after the other; what ends begins anew in the same step."""

    autoreset = "sameStep"

    def __init__(self, environments: Sequence[Any], owned: bool) -> None:
        self._environments = list(environments)
        self._owned = owned
        first = self._environments[0]
        self.count = len(self._environments)
        self.observation: Codec = observation_codec(first.observation_space)
        self.action: Codec = action_codec(first.action_space)
        self.masked = False

    def reset(self, seed: Optional[int]) -> Params:
        seeds = [None if seed is None else seed + index for index in range(self.count)]
        begun = [environment.reset(seed=each) for environment, each in zip(self._environments, seeds)]
        infos = [info for _, info in begun]
        self.masked = any(MASK in info for info in infos)
        return self._told([observation for observation, _ in begun], infos)

    def step(self, actions: Any) -> Params:
        rows: List[Any] = []
        finals: List[Any] = []
        infos: List[Mapping[str, Any]] = []
        outcomes: List[Tuple[float, bool, bool]] = []
        for index, environment in enumerate(self._environments):
            observation, reward, terminated, truncated, info = environment.step(self.action.decode_row(actions, index))
            finals.append(observation)
            outcomes.append((float(reward), bool(terminated), bool(truncated)))
            if terminated or truncated:
                observation, info = environment.reset()
            rows.append(observation)
            infos.append(info)
        told = {name: [outcome[place] for outcome in outcomes] for place, name in enumerate(_OUTCOME)}
        if any(told["terminated"]) or any(told["truncated"]):
            told["finalObservations"] = self.observation.encode_rows(finals)
        return {**told, **self._told(rows, infos)}

    def _told(self, rows: Sequence[Any], infos: Sequence[Mapping[str, Any]]) -> Params:
        told: Params = {"observations": self.observation.encode_rows(rows)}
        if self.masked:
            told["mask"] = masks_of([info.get(MASK) for info in infos])
        return told

    def close(self) -> None:
        if self._owned:
            close_all(self._environments)


class Vector:
    """A vector environment, such as ``gymnasium.make_vec`` gives."""

    def __init__(self, environment: Any, owned: bool) -> None:
        self._environment = environment
        self._owned = owned
        self.count = int(environment.num_envs)
        self.observation: Codec = observation_codec(environment.single_observation_space, "single_observation_space")
        self.action: Codec = action_codec(environment.single_action_space, "single_action_space")
        self.autoreset = autoreset_of(environment)
        self.masked = False

    def reset(self, seed: Optional[int]) -> Params:
        observations, infos = self._environment.reset(seed=seed)
        self.masked = MASK in infos
        return self._told(observations, infos)

    def step(self, actions: Any) -> Params:
        observations, rewards, terminated, truncated, infos = self._environment.step(self.action.decode(actions))
        told = {"rewards": rewards, "terminated": terminated, "truncated": truncated}
        if self.autoreset != "nextStep":
            ended = [bool(over) or bool(cut) for over, cut in zip(terminated, truncated)]
            if any(ended):
                told["terminated"], told["truncated"] = list(map(bool, terminated)), list(map(bool, truncated))
                told["rewards"] = list(map(float, rewards))
                told["finalObservations"] = self._finals(observations, infos, ended)
                if self.autoreset == "disabled":
                    observations, infos = self._begin_anew(ended)
        return {**told, **self._told(observations, infos)}

    def _finals(self, observations: Any, infos: Mapping[str, Any], ended: Sequence[bool]) -> Any:
        """The last observations of episodes that ended; of others whatever is at hand."""
        if self.autoreset == "disabled":
            return _kept(self.observation.encode(observations, self.count))
        finals = infos.get("final_obs", infos.get("final_observation"))
        if finals is None:
            raise refused("infos", "the last observations of ended episodes under `final_obs`", "nothing")
        usual = next(final for final, is_over in zip(finals, ended) if is_over)
        return self.observation.encode_rows([usual if final is None else final for final in finals])

    def _begin_anew(self, ended: Sequence[bool]) -> Tuple[Any, Mapping[str, Any]]:
        try:
            import numpy
        except ImportError:
            return self._environment.reset(options={"reset_mask": list(ended)})
        return self._environment.reset(options={"reset_mask": numpy.array(ended)})

    def _told(self, observations: Any, infos: Mapping[str, Any]) -> Params:
        told: Params = {"observations": self.observation.encode(observations, self.count)}
        if self.masked:
            masks = infos.get(MASK)
            told["mask"] = None if masks is None else masks_of([masks[index] for index in range(self.count)])
            if masks is None:
                del told["mask"]
        return told

    def close(self) -> None:
        if self._owned:
            close_all([self._environment])


_OUTCOME = ("rewards", "terminated", "truncated")


def masks_of(masks: Sequence[Any]) -> List[List[bool]]:
    """Masks of all copies, choices side by side; where a copy sends none, it may do anything."""
    rows = [None if mask is None else _flags(mask) for mask in masks]
    width = max(len(row) for row in rows if row is not None) if any(row is not None for row in rows) else 0
    # A copy that sent no mask stands as zeros in Gymnasium's arrays, too: nothing allowed is everything allowed.
    return [row if row is not None and any(row) else [True] * width for row in rows]


def _flags(mask: Any) -> List[bool]:
    if hasattr(mask, "tolist"):
        mask = mask.tolist()
    if isinstance(mask, (list, tuple)):
        return [flag for part in mask for flag in _flags(part)]
    return [bool(mask)]


def _kept(encoded: Any) -> Any:
    """A copy, where the environment may write over its own."""
    return encoded.copy() if hasattr(encoded, "copy") else encoded


def autoreset_of(environment: Any) -> str:
    mode = (getattr(environment, "metadata", None) or {}).get("autoreset_mode", "NextStep")
    name = str(getattr(mode, "value", mode))
    if name in _AUTORESET:
        return _AUTORESET[name]
    raise refused("metadata['autoreset_mode']", " or ".join(_AUTORESET), name)


def is_vector(environment: Any) -> bool:
    return hasattr(environment, "single_observation_space") and hasattr(environment, "num_envs")


def wrap(environment: Any, num_envs: Optional[int], groups: Optional[int]) -> List[Any]:
    """One ``Singles`` or ``Vector`` for each group.

    environment: an environment, a vector environment, a list of either (vector environments: a group each), or a function
        that makes one; what a function made is closed at the end.
    """
    if _is_factory(environment):
        return _made(environment, num_envs, groups)
    if isinstance(environment, (list, tuple)):
        if not environment:
            raise refused("environment", "at least one environment", "an empty list")
        _check_all(environment)
        if is_vector(environment[0]):
            return [Vector(each, False) for each in environment]
        size = _group_size(len(environment), groups)
        return [Singles(environment[at : at + size], False) for at in range(0, len(environment), size)]
    _check_all([environment])
    own = int(environment.num_envs) if is_vector(environment) else 1
    if (groups or 1) != 1 or num_envs not in (None, own):
        raise refused(
            "environment",
            "a function that makes environments, where there are to be several or groups of them",
            type(environment).__name__,
            "pass `lambda: gymnasium.make(…)`",
        )
    return [Vector(environment, False) if is_vector(environment) else Singles([environment], False)]


def _made(factory: Callable[[], Any], num_envs: Optional[int], groups: Optional[int]) -> List[Any]:
    made: List[Any] = []
    try:
        made.append(factory())
        _check_all(made)
        if is_vector(made[0]):
            made.extend(factory() for _ in range((groups or 1) - 1))
            return [Vector(each, True) for each in made]
        count = num_envs or groups or 1
        size = _group_size(count, groups)
        made.extend(factory() for _ in range(count - 1))
        return [Singles(made[at : at + size], True) for at in range(0, count, size)]
    except BaseException:
        close_all(made)
        raise


def close_all(environments: Sequence[Any]) -> None:
    """Closes each of them, whatever another raises: what was learned, or what went wrong before, counts for more."""
    for environment in environments:
        try:
            if hasattr(environment, "close"):
                environment.close()
        except Exception as error:
            told = f"an environment could not be closed: {type(error).__name__}: {error}"
            warnings.warn(told, RuntimeWarning, stacklevel=2)


def _group_size(count: int, groups: Optional[int]) -> int:
    if count % (groups or 1) == 0:
        return count // (groups or 1)
    raise refused("groups", f"a divisor of the {count} environments", str(groups))


def _is_factory(environment: Any) -> bool:
    return isinstance(environment, type) or (callable(environment) and not hasattr(environment, "step"))


def _check_all(environments: Sequence[Any]) -> None:
    for environment in environments:
        if not (hasattr(environment, "step") and hasattr(environment, "reset")):
            got = type(environment).__name__
            raise refused("environment", "something with `reset` and `step`, as Gymnasium has them", got)


def refused(path: str, expected: str, got: str, hint: str = "see gymnasium.Env and gymnasium.vector.VectorEnv") -> SidecarError:
    return from_wire({
        "code": -32602,
        "message": f"`{path}` cannot be learned in",
        "data": {
            "reason": "INVALID_PARAMS",
            "violations": [{"path": path, "message": f"expected {expected}, got {got}", "expected": expected, "got": got}],
            "hint": hint,
        },
    })  # fmt: skip

"""Several agents in one of PettingZoo's parallel environments: one policy for all of them, or one each.

Each agent's life is an episode of its own (``policy.act`` with ``run`` and ``episodes``), so that agents may come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from . import requests
from .environments import masks_of, refused
from .errors import SidecarError
from .learn import Policy, tell_warnings
from .requests import Request
from .spaces import action_codec, observation_codec

if TYPE_CHECKING:
    from .client import Sidecar


class _Learner:
    """One run, and the agents that it acts for."""

    def __init__(self, sidecar: Sidecar, environment: Any, agents: List[str], masked: bool, given: Mapping[str, Any]) -> None:
        first = agents[0]
        self.agents = agents
        self.masked = masked
        self.observation = observation_codec(environment.observation_space(first), f"observation_space({first!r})")
        self.action = action_codec(environment.action_space(first), f"action_space({first!r})")
        for other in agents[1:]:
            self._expect_same(environment, first, other)
        host = {"type": "host", "observation": self.observation.wire, "action": self.action.wire, "count": len(agents), "mask": masked}
        answer = sidecar.call("rl.create", **requests.options({"environment": host, **given}))
        self.run = answer["run"]["id"]
        self.policy = Policy(sidecar, answer["model"], self.observation, self.action)

    def _expect_same(self, environment: Any, first: str, other: str) -> None:
        wires = (observation_codec(environment.observation_space(other)).wire, action_codec(environment.action_space(other)).wire)
        if wires != (self.observation.wire, self.action.wire):
            hint = "pass `shared=False`, so that each agent has a policy of its own"
            raise refused(f"the spaces of {other!r}", f"those of {first!r}, as one policy acts for both", "others", hint)

    def acting(self, present: List[str], lives: Mapping[str, int], observations: Any, infos: Any) -> Request:
        params: Dict[str, Any] = {
            "run": self.run,
            "episodes": [f"{agent} {lives[agent]}" for agent in present],
            "observations": self.observation.encode_rows([observations[agent] for agent in present]),
        }
        if self.masked:
            params["mask"] = masks_of([(infos.get(agent) or {}).get("action_mask") for agent in present])
        return Request("policy.act", params)


def learn_together(
    sidecar: Sidecar,
    environment: Any,
    *,
    total_steps: int,
    shared: bool = True,
    algorithm: Union[str, Mapping[str, Any]] = "ppo",
    seed: Optional[int] = None,
    **options: Any,
) -> Dict[str, Policy]:
    """See ``Sidecar.learn_together``."""
    names = list(environment.possible_agents)
    observations, infos = environment.reset(seed=seed)
    masked = any("action_mask" in (info or {}) for info in infos.values())
    # Updates are waited for, so that the same seed gives the same policies.
    given = {"algorithm": algorithm, "totalSteps": total_steps, "seed": seed, "background": False, **options}
    parties = [names] if shared else [[name] for name in names]
    learners: List[_Learner] = []
    try:
        for party in parties:
            learners.append(_Learner(sidecar, environment, party, masked, given))
        _play(sidecar, environment, learners, observations, infos, total_steps)
    finally:
        for learner in learners:
            try:
                learner.policy.view = sidecar.call("rl.close", run=learner.run)["model"]
            except (SidecarError, OSError):
                pass
    return {name: learner.policy for learner in learners for name in learner.agents}


def _play(sidecar: Sidecar, environment: Any, learners: List[_Learner], observations: Any, infos: Any, total_steps: int) -> None:
    lives = {agent: 0 for learner in learners for agent in learner.agents}
    steps = 0
    while steps < total_steps:
        present = [[agent for agent in learner.agents if agent in observations] for learner in learners]
        asked = [
            (learner, agents, sidecar._begin(learner.acting(agents, lives, observations, infos)))
            for learner, agents in zip(learners, present)
            if agents
        ]
        actions: Dict[str, Any] = {}
        for learner, agents, call in asked:
            answer = sidecar._finish(call, None, None)
            learner.policy.metrics = answer.get("update", learner.policy.metrics)
            tell_warnings(answer)
            actions.update((agent, learner.action.decode_row(answer["actions"], row)) for row, agent in enumerate(agents))
        steps += len(actions)
        observations, rewards, terminated, truncated, infos = environment.step(actions)
        told = [
            sidecar._begin(_outcome(learner, agent, lives, rewards, terminated, truncated, observations))
            for learner, agents, _ in asked
            for agent in agents
        ]
        for call in told:
            sidecar._finish(call, None, None)
        over = {agent for agent in actions if terminated.get(agent) or truncated.get(agent)}
        for agent in over:
            lives[agent] += 1
        observations = {agent: seen for agent, seen in observations.items() if agent not in over}
        if not observations:
            observations, infos = environment.reset()


def _outcome(
    learner: _Learner, agent: str, lives: Mapping[str, int], rewards: Any, terminated: Any, truncated: Any, observations: Any
) -> Request:
    params: Dict[str, Any] = {"run": learner.run, "episode": f"{agent} {lives[agent]}", "reward": float(rewards.get(agent, 0.0))}
    if terminated.get(agent):
        return Request("policy.end", params)
    if not truncated.get(agent):
        return Request("policy.reward", params)
    return Request("policy.end", {**params, "truncated": True, "observations": learner.observation.encode_rows([observations[agent]])})

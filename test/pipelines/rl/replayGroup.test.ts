/** @file What comes into the replay buffer of what a group of copies lived through. */
import { describe, expect, it } from "vitest";
import { dqn } from "../../../src/pipelines/rl/algorithms/dqn.ts";
import { createReplayGroup } from "../../../src/pipelines/rl/algorithms/replayGroup.ts";
import { createReplay } from "../../../src/pipelines/rl/replay.ts";
import { box } from "../../../src/pipelines/rl/spaces.ts";
import { specOf } from "./driving.ts";

const CHOICES = 3;
const policy = specOf(
  dqn,
  {},
  { observation: box([1], -1, 1), action: { type: "discrete", n: CHOICES }, masked: true },
  { type: "mlp", hidden: [4] },
);

/** One step of one copy. @returns the transition's last observation and mask, as a batch has them */
function lived(autoreset: "sameStep" | "nextStep", ended: { terminated?: number; truncated?: number }) {
  const replay = createReplay({ capacity: 4, observation: 1, action: 1, mask: CHOICES, choices: true, alpha: null });
  const group = createReplayGroup({ policy, count: 1, autoreset }, { nStep: 1, gamma: 0.9 }, replay);
  group.begin([0.1], [1, 1, 1]);
  group.note([2]);
  group.observe({
    rewards: [1],
    terminated: [0],
    truncated: [0],
    ...Object.fromEntries(Object.entries(ended).map(([name, flag]) => [name, [flag]])),
    observations: [0.2],
    finalObservations: autoreset === "sameStep" ? [0.9] : null,
    mask: [0, 1, 0],
  });
  const batch = {
    observations: new Float32Array(1),
    next: new Float32Array(1),
    actions: new Int32Array(1),
    rewards: new Float32Array(1),
    discounts: new Float32Array(1),
    weights: null,
    mask: new Int32Array(CHOICES),
  };
  replay.draw(batch, { integer: () => 0 } as never, 1);
  return { group, next: Number(batch.next[0]!.toFixed(1)), mask: [...batch.mask] };
}

describe("a transition", () => {
  it("has the mask of what is seen next", () => {
    expect(lived("sameStep", {})).toMatchObject({ next: 0.2, mask: [0, 1, 0] });
    expect(lived("nextStep", { truncated: 1 })).toMatchObject({ next: 0.2, mask: [0, 1, 0] });
  });

  it("into an episode's last observation allows everything: the mask is the next episode's", () => {
    expect(lived("sameStep", { truncated: 1 })).toMatchObject({ next: 0.9, mask: [1, 1, 1] });
  });
});

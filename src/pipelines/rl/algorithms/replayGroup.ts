/** @file A group of copies off the policy: what it sees, and what came of what it did, as transitions into the replay buffer. */
import type { NdArray } from "../../../engine/index.ts";
import type { LearnerContext, Outcome } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { blindChoices } from "../masks.ts";
import type { Replay } from "../replay.ts";
import { createSteps, type Steps } from "../replaySteps.ts";
import { copyInto } from "../rows.ts";
import { choicesOf, spaceSize } from "../spaces.ts";
import { below, prefixed, type Tensors } from "../tensorNames.ts";
import type { OffPolicyOptions } from "./offPolicyOptions.ts";

export interface ReplayGroup {
  readonly observations: Float32Array;
  readonly mask: Uint8Array | null;
  /** All its episodes begin with what is seen now. */
  begin(observations: ArrayLike<number>, mask: ArrayLike<number> | null): void;
  /** What is done now in what is seen. */
  note(chosen: ArrayLike<number>): void;
  /** What came of it, and what is seen then. */
  observe(outcome: Outcome): void;
  /** Choices of which none was allowed where one was to be made now. */
  blind(): number;
  save(): Tensors;
  restore(tensors: Tensors): void;
}

export function createReplayGroup(
  { policy, count, autoreset }: Pick<LearnerContext, "policy" | "count" | "autoreset">,
  { nStep, gamma }: Pick<OffPolicyOptions, "nStep" | "gamma">,
  replay: Replay,
): ReplayGroup {
  const [width, size] = [spaceSize(policy.observation), spaceSize(policy.action)];
  const choices = choicesOf(policy.action) ?? [];
  const observations = new Float32Array(count * width);
  const mask = policy.masked ? new Uint8Array(count * maskWidth(policy.action)).fill(1) : null;
  /** 1 where the next step begins an episode and is no transition. */
  const idle = new Uint8Array(count);
  const steps: Steps = createSteps(replay, { count, steps: nStep, gamma, observation: width, action: size });

  function see(seen: ArrayLike<number>, allowed: ArrayLike<number> | null): void {
    copyInto(observations, seen);
    if (mask === null) return;
    if (allowed === null) mask.fill(1);
    else copyInto(mask, allowed);
  }

  return {
    observations,
    mask,
    begin(seen, allowed) {
      idle.fill(0);
      for (let copy = 0; copy < count; copy++) steps.drop(copy);
      see(seen, allowed);
    },
    note(chosen) {
      for (let copy = 0; copy < count; copy++) if (idle[copy] === 0) steps.begin(copy, observations, chosen);
    },
    observe({ rewards, terminated, truncated, observations: seen, finalObservations, mask: allowed }) {
      for (let copy = 0; copy < count; copy++) {
        const wasIdle = idle[copy] === 1;
        const isOver = terminated[copy] === 1 || truncated[copy] === 1;
        idle[copy] = autoreset === "nextStep" && !wasIdle && isOver ? 1 : 0;
        if (wasIdle) continue;
        // The mask is of what is seen now: of another episode's last observation nothing is known.
        const isFinal = isOver && finalObservations !== null;
        steps.end(copy, {
          reward: rewards[copy]!,
          terminated: terminated[copy] === 1,
          truncated: truncated[copy] === 1,
          next: isFinal ? finalObservations : seen,
          mask: isFinal ? null : allowed,
        });
      }
      see(seen, allowed);
    },
    blind: () => (mask === null ? 0 : blindChoices(mask, choices, idle)),
    save: () => ({
      ...prefixed("steps", steps.save()),
      observations: bytes("F32", observations),
      idle: bytes("U8", idle),
      ...(mask === null ? {} : { mask: bytes("U8", mask) }),
    }),
    restore(tensors) {
      steps.restore(below("steps", tensors));
      observations.set(tensors.observations!.data as Float32Array);
      idle.set(tensors.idle!.data as Uint8Array);
      mask?.set(tensors.mask!.data as Uint8Array);
    },
  };
}

const bytes = (dtype: NdArray["dtype"], data: Float32Array | Uint8Array): NdArray => ({
  dtype,
  shape: [data.length],
  data: data.slice(),
});

/** @file How SAC and TD3 act: in a box, kept as numbers in [−1, 1], at random before the policy is asked. */
import type { Acting } from "../acting.ts";
import type { Box } from "./critics.ts";
import type { Method, Sight } from "./method.ts";

/**
 * @param explore what is added to the policy's own action, in units of [−1, 1].
 */
export function actInBox(
  { low, high }: Box,
  acting: Acting,
  explore: (sight: Sight) => number,
): Pick<Method, "chosen" | "applied" | "choose"> {
  const size = low.length;
  const chosen = new Float32Array(acting.count * size);
  const applied = new Float32Array(chosen.length);
  return {
    chosen,
    applied,
    choose(sight) {
      if (!sight.isWarmingUp) {
        acting.observations.set(sight.observations);
        acting.run(sight.acts, sight.group);
      }
      for (let index = 0; index < chosen.length; index++) {
        const wanted = sight.isWarmingUp
          ? 2 * sight.random.uniform() - 1
          : Math.tanh(acting.raw[index]!) + explore(sight);
        const action = Math.max(-1, Math.min(1, wanted));
        chosen[index] = action;
        const place = index % size;
        applied[index] = low[place]! + ((action + 1) / 2) * (high[place]! - low[place]!);
      }
    },
  };
}

/** The inputs that an update's program takes of transitions. */
export function batchOf(inputs: Readonly<Record<string, unknown>>): Method["batch"] {
  return {
    observations: inputs.observations as Float32Array,
    next: inputs.next as Float32Array,
    actions: inputs.actions as Float32Array,
    rewards: inputs.rewards as Float32Array,
    discounts: inputs.discounts as Float32Array,
    weights: null,
    mask: null,
  };
}

/** Draws of a program apart from those of acting: seed, then update and piece. */
export function randomWriter(inputs: Readonly<Record<string, unknown>>, seed: number) {
  const random = inputs.random as Int32Array | undefined;
  random?.set([seed | 0, Math.floor(seed / 2 ** 32) | 0]);
  return (update: number, piece: number): void => {
    if (random === undefined) return;
    random[2] = update | 0;
    random[3] = (2 ** 30 + piece * 2 ** 22 + Math.floor(update / 2 ** 32)) | 0;
  };
}

/** @file The walk along a cliff (Sutton and Barto, example 6.6), as Gymnasium's `CliffWalking-v1`. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { vectorise } from "../vectorise.ts";
import { type Outcome, type Transitions, transitionRules } from "./transitions.ts";

const [ROWS, COLUMNS] = [4, 12];
const START = (ROWS - 1) * COLUMNS;
const GOAL = ROWS * COLUMNS - 1;
/** Up, right, down, left, as [rows, columns]. */
const MOVES = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
] as const;

const options = (isSlippery: boolean) =>
  z.object({
    isSlippery: z
      .boolean()
      .default(isSlippery)
      .describe("Whether a step goes to the left or right of where it was meant to in two cases of three"),
  });

function arrive(state: number, direction: number): Omit<Outcome, "probability"> {
  const [down, right] = MOVES[direction]!;
  const row = Math.max(0, Math.min(ROWS - 1, Math.floor(state / COLUMNS) + down));
  const column = Math.max(0, Math.min(COLUMNS - 1, (state % COLUMNS) + right));
  const next = row * COLUMNS + column;
  if (next > START && next < GOAL) return { next: START, reward: -100, terminated: false };
  return { next, reward: -1, terminated: next === GOAL };
}

const cliffWalking = ({ isSlippery }: { isSlippery: boolean }): Transitions => ({
  states: ROWS * COLUMNS,
  actions: MOVES.length,
  first: Array.from({ length: ROWS * COLUMNS }, (_, state) => (state === START ? 1 : 0)),
  outcomes(state, action) {
    const sides = isSlippery ? [-1, 0, 1] : [0];
    return sides.map((side) => ({
      probability: 1 / sides.length,
      ...arrive(state, (action + side + MOVES.length) % MOVES.length),
    }));
  },
});

const LIMITS = { maxEpisodeSteps: null } as const;

export const cliffWalkingV1 = defineEnvironment({
  type: "CliffWalking-v1",
  description: "Walk from start to goal beside a cliff; −1 a step, −100 and back to the start for a fall",
  options: options(false),
  ...LIMITS,
  make: (chosen, setup) => vectorise(transitionRules(cliffWalking(chosen)), { ...LIMITS, ...setup }),
});

export const cliffWalkingSlipperyV1 = defineEnvironment({
  type: "CliffWalkingSlippery-v1",
  description: "CliffWalking-v1 on slippery ground",
  options: options(true),
  ...LIMITS,
  make: (chosen, setup) => vectorise(transitionRules(cliffWalking(chosen)), { ...LIMITS, ...setup }),
});

/** @file The way over slippery ice between holes, as Gymnasium's `FrozenLake-v1`. */
import { z } from "zod";
import { Fault } from "../../../engine/index.ts";
import { defineEnvironment } from "../../registry/define.ts";
import { vectorise } from "../vectorise.ts";
import { type Outcome, type Transitions, transitionRules } from "./transitions.ts";

const MAPS = {
  "4x4": ["SFFF", "FHFH", "FFFH", "HFFG"],
  "8x8": ["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"],
} as const;

/** Left, down, right, up, as [rows, columns]. */
const MOVES = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
] as const;

const options = (mapName: keyof typeof MAPS) =>
  z.object({
    mapName: z.enum(["4x4", "8x8"]).default(mapName).describe("Which of the two usual maps"),
    desc: z
      .array(z.string().regex(/^[SFHG]+$/))
      .min(1)
      .max(64)
      .optional()
      .describe("A map of one's own instead, row by row: S start, F ice, H hole, G goal"),
    isSlippery: z
      .boolean()
      .default(true)
      .describe("Whether a step may go to the left or right of where it was meant to"),
    successRate: z
      .number()
      .min(0)
      .max(1)
      .default(1 / 3)
      .describe("On slippery ice, how likely a step goes where it was meant to; both sides share the rest"),
    rewardSchedule: z
      .array(z.number())
      .length(3)
      .default([1, 0, 0])
      .describe("Rewards for stepping on the goal, into a hole, on ice"),
  });

type LakeOptions = z.output<ReturnType<typeof options>>;

function frozenLake({ mapName, desc, isSlippery, successRate, rewardSchedule }: LakeOptions): Transitions {
  const map: readonly string[] = desc ?? MAPS[mapName];
  const [rows, columns] = [map.length, map[0]!.length];
  const tiles = map.join("");
  const starts = [...tiles].filter((tile) => tile === "S").length;
  if (map.some((row) => row.length !== columns) || starts === 0 || columns > 64) {
    throw new Fault("INVALID_PARAMS", "`environment.desc` is no map", {
      violations: [
        {
          path: "environment.desc",
          message: "rows differ, or no start",
          expected: "rows of one length with an S",
          got: map.join(" "),
        },
      ],
      hint: 'write something like ["SFF", "FHF", "FFG"]',
    });
  }
  const to = (state: number, direction: number): Omit<Outcome, "probability"> => {
    const [down, right] = MOVES[direction]!;
    const row = Math.max(0, Math.min(rows - 1, Math.floor(state / columns) + down));
    const column = Math.max(0, Math.min(columns - 1, (state % columns) + right));
    const next = row * columns + column;
    const tile = tiles[next]!;
    const reward = rewardSchedule[tile === "G" ? 0 : tile === "H" ? 1 : 2]!;
    return { next, reward, terminated: tile === "G" || tile === "H" };
  };
  return {
    states: rows * columns,
    actions: MOVES.length,
    first: [...tiles].map((tile) => (tile === "S" ? 1 / starts : 0)),
    outcomes(state, action) {
      const tile = tiles[state]!;
      if (tile === "G" || tile === "H") return [{ probability: 1, next: state, reward: 0, terminated: true }];
      if (!isSlippery) return [{ probability: 1, ...to(state, action) }];
      return [-1, 0, 1].map((side) => ({
        probability: side === 0 ? successRate : (1 - successRate) / 2,
        ...to(state, (action + side + MOVES.length) % MOVES.length),
      }));
    },
  };
}

const SMALL = { maxEpisodeSteps: 100, rewardThreshold: 0.7 } as const;
const LARGE = { maxEpisodeSteps: 200, rewardThreshold: 0.85 } as const;

export const frozenLakeV1 = defineEnvironment({
  type: "FrozenLake-v1",
  description: "Cross a slippery lake of 4 × 4 tiles from start to goal without falling into a hole; 1 at the goal",
  options: options("4x4"),
  ...SMALL,
  make: (chosen, setup) => vectorise(transitionRules(frozenLake(chosen)), { ...SMALL, ...setup }),
});

export const frozenLake8x8V1 = defineEnvironment({
  type: "FrozenLake8x8-v1",
  description: "FrozenLake-v1 on 8 × 8 tiles",
  options: options("8x8"),
  ...LARGE,
  make: (chosen, setup) => vectorise(transitionRules(frozenLake(chosen)), { ...LARGE, ...setup }),
});

/** @file A small world of tiles seen as a picture: find the goal, keep off the pits. For policies that look. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import type { Pcg64 } from "../pcg64.ts";
import { box } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

/** Up, right, down, left, as [rows, columns]. */
const MOVES = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
] as const;
const [FLOOR, AGENT, GOAL, PIT] = [0, 1, 2, 3];
/** Red, green and blue of each kind of tile. */
const COLOURS = [
  [0, 0, 0],
  [255, 255, 255],
  [0, 255, 0],
  [255, 0, 0],
] as const;

const options = z.object({
  size: z.int().min(2).max(32).default(5).describe("Tiles along each side"),
  tile: z.int().min(1).max(16).default(2).describe("Pixels along each side of a tile"),
  pits: z
    .int()
    .min(0)
    .max(8)
    .default(2)
    .describe("Tiles that end the episode with reward −1; at most size² − 3 of them"),
  stepReward: z.number().default(-0.01).describe("Reward of a step that ends nothing"),
});

/** Different places, each as likely as any other. */
function drawPlaces(random: Pcg64, count: number, below: number): number[] {
  const places: number[] = [];
  while (places.length < count) {
    const place = random.integer(below);
    if (!places.includes(place)) places.push(place);
  }
  return places;
}

function gridWorld({ size, tile, pits, stepReward }: z.output<typeof options>): Rules {
  const side = size * tile;
  const tiles = size * size;
  const pitCount = Math.max(0, Math.min(pits, tiles - 3));
  return {
    observationSpace: box([3, side, side], 0, 255, "U8"),
    actionSpace: { type: "discrete", n: MOVES.length },
    create({ count, random, observations, terminated }) {
      /** What lies on each tile, but for the agent. */
      const ground = new Uint8Array(count * tiles);
      const agent = new Int32Array(count);
      const paint = (copy: number, place: number, kind: number): void => {
        const corner = Math.floor(place / size) * tile * side + (place % size) * tile;
        for (let channel = 0; channel < 3; channel++) {
          const from = (copy * 3 + channel) * side * side + corner;
          for (let row = 0; row < tile; row++) {
            observations.fill(COLOURS[kind]![channel]!, from + row * side, from + row * side + tile);
          }
        }
      };
      const lay = (copy: number, place: number, kind: number): void => {
        ground[copy * tiles + place] = kind;
        paint(copy, place, kind);
      };
      return {
        state: [ground, agent],
        begin(copy) {
          ground.fill(FLOOR, copy * tiles, (copy + 1) * tiles);
          observations.fill(0, copy * 3 * side * side, (copy + 1) * 3 * side * side);
          const [start, goal, ...pitPlaces] = drawPlaces(random[copy]!, 2 + pitCount, tiles);
          for (const place of pitPlaces) lay(copy, place, PIT);
          lay(copy, goal!, GOAL);
          agent[copy] = start!;
          paint(copy, start!, AGENT);
        },
        move(copy, actions) {
          const from = agent[copy]!;
          const [down, right] = MOVES[actions[copy]!]!;
          const row = Math.max(0, Math.min(size - 1, Math.floor(from / size) + down));
          const column = Math.max(0, Math.min(size - 1, (from % size) + right));
          const to = row * size + column;
          paint(copy, from, ground[copy * tiles + from]!);
          paint(copy, to, AGENT);
          agent[copy] = to;
          const kind = ground[copy * tiles + to]!;
          if (kind === FLOOR) return stepReward;
          terminated[copy] = 1;
          return kind === GOAL ? 1 : -1;
        },
      };
    },
  };
}

const LIMITS = { maxEpisodeSteps: 100 } as const;

export const gridWorldV0 = defineEnvironment({
  type: "GridWorldPixels-v0",
  description: "Walk to the green tile past the red ones, seen as a picture [3, height, width] of bytes",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(gridWorld(chosen), { ...LIMITS, ...setup }),
});

/** @file The car too weak for its hill (Moore 1990), as Gymnasium's `MountainCar-v0`: push left, not at all, or right. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { bounded } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

const [LEFT_WALL, RIGHT_END, GOAL, MAX_SPEED] = [-1.2, 0.6, 0.5, 0.07];
const [FORCE, GRAVITY] = [0.001, 0.0025];

const options = z.object({ goalVelocity: z.number().default(0).describe("Speed that the goal asks for, at least") });

const mountainCar = ({ goalVelocity }: z.output<typeof options>): Rules => ({
  observationSpace: bounded([LEFT_WALL, -MAX_SPEED].map(Math.fround), [RIGHT_END, MAX_SPEED].map(Math.fround)),
  actionSpace: { type: "discrete", n: 3 },
  create({ count, random, observations, terminated }) {
    const state = new Float64Array(count * 2);
    const put = (copy: number, position: number, velocity: number): void => {
      state[copy * 2] = position;
      state[copy * 2 + 1] = velocity;
      observations[copy * 2] = position;
      observations[copy * 2 + 1] = velocity;
    };
    return {
      state: [state],
      begin: (copy) => put(copy, random[copy]!.uniform(-0.6, -0.4), 0),
      move(copy, actions) {
        const before = state[copy * 2]!;
        const pushed = state[copy * 2 + 1]! + ((actions[copy]! - 1) * FORCE + Math.cos(3 * before) * -GRAVITY);
        const speed = Math.max(-MAX_SPEED, Math.min(MAX_SPEED, pushed));
        const position = Math.max(LEFT_WALL, Math.min(RIGHT_END, before + speed));
        const velocity = position === LEFT_WALL && speed < 0 ? 0 : speed;
        put(copy, position, velocity);
        if (position >= GOAL && velocity >= goalVelocity) terminated[copy] = 1;
        return -1;
      },
    };
  },
});

const LIMITS = { maxEpisodeSteps: 200, rewardThreshold: -110 } as const;

export const mountainCarV0 = defineEnvironment({
  type: "MountainCar-v0",
  description: "Rock a weak car out of a valley by pushing left or right; −1 a step, 200 steps at most",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(mountainCar(chosen), { ...LIMITS, ...setup }),
});

/**
 * @file The car in the valley with a throttle, as Gymnasium's `MountainCarContinuous-v0`. Its state is float64 right after a reset
 * and float32 from the first step on, and NumPy computes in the state's type: hence `fround` at each operation.
 */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { bounded, box } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

const [LEFT_WALL, RIGHT_END, GOAL, MAX_SPEED] = [-1.2, 0.6, 0.45, 0.07];
const [POWER, GRAVITY] = [0.0015, 0.0025];

const options = z.object({ goalVelocity: z.number().default(0).describe("Speed that the goal asks for, at least") });

const identity = (value: number): number => value;

/** What is added to the velocity. A throttle within its bounds is float32 in NumPy, one that was clipped a Python number. */
function acceleration(throttle: number, slope: number): number {
  if (throttle > 1 || throttle < -1) return Math.sign(throttle) * POWER - slope;
  return Math.fround(Math.fround(throttle * Math.fround(POWER)) - Math.fround(slope));
}

const mountainCarContinuous = ({ goalVelocity }: z.output<typeof options>): Rules => ({
  observationSpace: bounded([LEFT_WALL, -MAX_SPEED].map(Math.fround), [RIGHT_END, MAX_SPEED].map(Math.fround)),
  actionSpace: box([1], -1, 1),
  create({ count, random, observations, terminated }) {
    const state = new Float64Array(count * 2);
    const fresh = new Uint8Array(count);
    const observe = (copy: number): void => {
      observations[copy * 2] = state[copy * 2]!;
      observations[copy * 2 + 1] = state[copy * 2 + 1]!;
    };
    return {
      state: [state, fresh],
      begin(copy) {
        state[copy * 2] = random[copy]!.uniform(-0.6, -0.4);
        state[copy * 2 + 1] = 0;
        fresh[copy] = 1;
        observe(copy);
      },
      move(copy, actions) {
        const round = fresh[copy] === 1 ? identity : Math.fround;
        const throttle = actions[copy]!;
        const before = state[copy * 2]!;
        const gained = acceleration(throttle, GRAVITY * Math.cos(round(3 * before)));
        const pushed = round(state[copy * 2 + 1]! + round(gained));
        const speed = Math.max(round(-MAX_SPEED), Math.min(round(MAX_SPEED), pushed));
        const position = Math.max(round(LEFT_WALL), Math.min(round(RIGHT_END), round(before + speed)));
        const velocity = position === round(LEFT_WALL) && speed < 0 ? 0 : speed;
        const arrived = position >= round(GOAL) && velocity >= round(goalVelocity);
        if (arrived) terminated[copy] = 1;
        state[copy * 2] = Math.fround(position);
        state[copy * 2 + 1] = Math.fround(velocity);
        fresh[copy] = 0;
        observe(copy);
        return (arrived ? 100 : 0) - throttle * throttle * 0.1;
      },
    };
  },
});

const LIMITS = { maxEpisodeSteps: 999, rewardThreshold: 90 } as const;

export const mountainCarContinuousV0 = defineEnvironment({
  type: "MountainCarContinuous-v0",
  description: "Rock a weak car out of a valley with a throttle; 100 at the top, less what the throttle costs",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(mountainCarContinuous(chosen), { ...LIMITS, ...setup }),
});

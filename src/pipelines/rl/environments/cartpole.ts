/** @file The pole on a cart (Barto, Sutton and Anderson 1983), as Gymnasium's `CartPole-v1`; and without its velocities. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { bounded } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

const [GRAVITY, FORCE, SECONDS] = [9.8, 10, 0.02];
const [POLE_MASS, HALF_LENGTH] = [0.1, 0.5];
const TOTAL_MASS = POLE_MASS + 1;
const POLE_MOMENT = POLE_MASS * HALF_LENGTH;
const MAX_POSITION = 2.4;
const MAX_ANGLE = (12 * 2 * Math.PI) / 360;

const options = z.object({
  suttonBartoReward: z
    .boolean()
    .default(false)
    .describe("Reward 0 while the pole stands and −1 when it falls, instead of 1 for every step"),
});

/** @param seen which of position, velocity, angle and angular velocity are observed. */
function cartPole({ suttonBartoReward }: z.output<typeof options>, seen: readonly number[]): Rules {
  const high = [MAX_POSITION * 2, Number.POSITIVE_INFINITY, MAX_ANGLE * 2, Number.POSITIVE_INFINITY];
  const bounds = seen.map((index) => Math.fround(high[index]!));
  const width = seen.length;
  return {
    observationSpace: bounded(
      bounds.map((bound) => -bound),
      bounds,
    ),
    actionSpace: { type: "discrete", n: 2 },
    create({ count, random, observations, terminated }) {
      const state = new Float64Array(count * 4);
      const observe = (copy: number): void => {
        for (let index = 0; index < width; index++)
          observations[copy * width + index] = state[copy * 4 + seen[index]!]!;
      };
      return {
        state: [state],
        begin(copy) {
          for (let index = 0; index < 4; index++) state[copy * 4 + index] = random[copy]!.uniform(-0.05, 0.05);
          observe(copy);
        },
        move(copy, actions) {
          const at = copy * 4;
          const velocity = state[at + 1]!;
          const angle = state[at + 2]!;
          const spin = state[at + 3]!;
          const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
          // Florian (2007), equations 23 and 24, without friction.
          const pushed = ((actions[copy] === 1 ? FORCE : -FORCE) + POLE_MOMENT * (spin * spin) * sin) / TOTAL_MASS;
          const angular =
            (GRAVITY * sin - cos * pushed) / (HALF_LENGTH * (4 / 3 - (POLE_MASS * (cos * cos)) / TOTAL_MASS));
          const linear = pushed - (POLE_MOMENT * angular * cos) / TOTAL_MASS;
          const newPosition = state[at]! + SECONDS * velocity;
          const newAngle = angle + SECONDS * spin;
          state[at] = newPosition;
          state[at + 1] = velocity + SECONDS * linear;
          state[at + 2] = newAngle;
          state[at + 3] = spin + SECONDS * angular;
          observe(copy);
          const fell =
            newPosition < -MAX_POSITION || newPosition > MAX_POSITION || newAngle < -MAX_ANGLE || newAngle > MAX_ANGLE;
          if (fell) terminated[copy] = 1;
          return suttonBartoReward ? (fell ? -1 : 0) : 1;
        },
      };
    },
  };
}

const LIMITS = { maxEpisodeSteps: 500, rewardThreshold: 475 } as const;

export const cartPoleV1 = defineEnvironment({
  type: "CartPole-v1",
  description: "Push a cart left or right so that the pole on it stands; 1 a step, 500 steps at most",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(cartPole(chosen, [0, 1, 2, 3]), { ...LIMITS, ...setup }),
});

export const cartPoleNoVelocity = defineEnvironment({
  type: "CartPoleNoVel-v1",
  description: "CartPole-v1 that shows position and angle but no velocities: wants a policy with a memory",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(cartPole(chosen, [0, 2]), { ...LIMITS, ...setup }),
});

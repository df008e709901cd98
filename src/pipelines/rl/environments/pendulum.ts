/** @file The pendulum that is to be swung up and held, as Gymnasium's `Pendulum-v1`; and without its velocity. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { bounded, box } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

const [MAX_SPEED, MAX_TORQUE, SECONDS] = [8, 2, 0.05];
const TURN = 2 * Math.PI;
/** Gymnasium takes the torque as float32, and what it multiplies becomes float32 before it joins the float64 state. */
const TORQUE_COST = Math.fround(0.001);

const options = z.object({ gravity: z.number().default(10).describe("Acceleration, called `g` in Gymnasium, m/s²") });

/** The angle's distance from upright, in [−π, π): Python's remainder, which is never negative. */
function fromUpright(angle: number): number {
  const rest = (angle + Math.PI) % TURN;
  return (rest < 0 ? rest + TURN : rest) - Math.PI;
}

function pendulum({ gravity }: z.output<typeof options>, showsVelocity: boolean): Rules {
  const bounds = showsVelocity ? [1, 1, MAX_SPEED] : [1, 1];
  const width = bounds.length;
  return {
    observationSpace: bounded(
      bounds.map((bound) => -bound),
      bounds,
    ),
    actionSpace: box([1], -MAX_TORQUE, MAX_TORQUE),
    create({ count, random, observations }) {
      const state = new Float64Array(count * 2);
      const observe = (copy: number): void => {
        const angle = state[copy * 2]!;
        observations[copy * width] = Math.cos(angle);
        observations[copy * width + 1] = Math.sin(angle);
        if (showsVelocity) observations[copy * width + 2] = state[copy * 2 + 1]!;
      };
      return {
        state: [state],
        begin(copy) {
          state[copy * 2] = random[copy]!.uniform(-Math.PI, Math.PI);
          state[copy * 2 + 1] = random[copy]!.uniform(-1, 1);
          observe(copy);
        },
        move(copy, actions) {
          const at = copy * 2;
          const [angle, velocity] = [state[at]!, state[at + 1]!];
          const torque = Math.fround(Math.max(-MAX_TORQUE, Math.min(MAX_TORQUE, actions[copy]!)));
          const off = fromUpright(angle);
          const effort = Math.fround(TORQUE_COST * Math.fround(torque * torque));
          const cost = off * off + 0.1 * (velocity * velocity) + effort;
          const faster = velocity + (((3 * gravity) / 2) * Math.sin(angle) + Math.fround(3 * torque)) * SECONDS;
          const newVelocity = Math.max(-MAX_SPEED, Math.min(MAX_SPEED, faster));
          state[at] = angle + newVelocity * SECONDS;
          state[at + 1] = newVelocity;
          observe(copy);
          return -cost;
        },
      };
    },
  };
}

const LIMITS = { maxEpisodeSteps: 200 } as const;

export const pendulumV1 = defineEnvironment({
  type: "Pendulum-v1",
  description: "Swing a pendulum up and hold it there with a weak motor; costs for angle, speed and torque, 200 steps",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(pendulum(chosen, true), { ...LIMITS, ...setup }),
});

export const pendulumNoVelocity = defineEnvironment({
  type: "PendulumNoVel-v1",
  description: "Pendulum-v1 that shows the angle but not the velocity: wants a policy with a memory",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(pendulum(chosen, false), { ...LIMITS, ...setup }),
});

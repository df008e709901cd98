/** @file Two links that hang and are to be swung up (Sutton 1996), as Gymnasium's `Acrobot-v1`. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { bounded } from "../spaces.ts";
import { type Rules, vectorise } from "../vectorise.ts";

const [SECONDS, GRAVITY] = [0.2, 9.8];
/** Both links: 1 m long, 1 kg, centre of mass in the middle, moment of inertia 1. */
const [LENGTH, CENTRE, INERTIA] = [1, 0.5, 1];
const [MAX_SPEED_1, MAX_SPEED_2] = [4 * Math.PI, 9 * Math.PI];
const TURN = 2 * Math.PI;

const options = z.object({
  bookOrNips: z
    .enum(["book", "nips"])
    .default("book")
    .describe("Equations of Sutton and Barto's book, or of the paper of 1996 that lacks a term"),
});

/** The state's change a second into `slope`: two angles, two angular velocities (Sutton and Barto 1998, section 11.3). */
function derive(slope: Float64Array, state: Float64Array, torque: number, hasBookTerm: boolean): void {
  const [angle1, angle2, speed1, speed2] = [state[0]!, state[1]!, state[2]!, state[3]!];
  const [sin2, cos2] = [Math.sin(angle2), Math.cos(angle2)];
  const d1 = CENTRE ** 2 + (LENGTH ** 2 + CENTRE ** 2 + 2 * LENGTH * CENTRE * cos2) + INERTIA + INERTIA;
  const d2 = CENTRE ** 2 + LENGTH * CENTRE * cos2 + INERTIA;
  const phi2 = CENTRE * GRAVITY * Math.cos(angle1 + angle2 - Math.PI / 2);
  const phi1 =
    -LENGTH * CENTRE * (speed2 * speed2) * sin2 -
    2 * LENGTH * CENTRE * speed2 * speed1 * sin2 +
    (CENTRE + LENGTH) * GRAVITY * Math.cos(angle1 - Math.PI / 2) +
    phi2;
  const coupling = hasBookTerm ? LENGTH * CENTRE * (speed1 * speed1) * sin2 : 0;
  const turned = (torque + (d2 / d1) * phi1 - coupling - phi2) / (CENTRE ** 2 + INERTIA - (d2 * d2) / d1);
  slope[0] = speed1;
  slope[1] = speed2;
  slope[2] = -(d2 * turned + phi1) / d1;
  slope[3] = turned;
}

const wrapped = (angle: number): number => {
  let inside = angle;
  while (inside > Math.PI) inside -= TURN;
  while (inside < -Math.PI) inside += TURN;
  return inside;
};
const within = (value: number, bound: number): number => Math.min(Math.max(value, -bound), bound);

const acrobot = ({ bookOrNips }: z.output<typeof options>): Rules => {
  const high = [1, 1, 1, 1, MAX_SPEED_1, MAX_SPEED_2].map(Math.fround);
  const hasBookTerm = bookOrNips === "book";
  const slopes = [0, 1, 2, 3].map(() => new Float64Array(4)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [from, probe] = [new Float64Array(4), new Float64Array(4)];

  /** One step of Runge and Kutta's fourth order, from `from`, in place. */
  const integrate = (torque: number): void => {
    const [k1, k2, k3, k4] = slopes;
    const along = (slope: Float64Array, seconds: number): void => {
      for (let index = 0; index < 4; index++) probe[index] = from[index]! + seconds * slope[index]!;
    };
    derive(k1, from, torque, hasBookTerm);
    along(k1, SECONDS / 2);
    derive(k2, probe, torque, hasBookTerm);
    along(k2, SECONDS / 2);
    derive(k3, probe, torque, hasBookTerm);
    along(k3, SECONDS);
    derive(k4, probe, torque, hasBookTerm);
    for (let index = 0; index < 4; index++) {
      from[index]! += (SECONDS / 6) * (k1[index]! + 2 * k2[index]! + 2 * k3[index]! + k4[index]!);
    }
  };

  return {
    observationSpace: bounded(
      high.map((bound) => -bound),
      high,
    ),
    actionSpace: { type: "discrete", n: 3 },
    create({ count, random, observations, terminated }) {
      const state = new Float64Array(count * 4);
      const observe = (copy: number): void => {
        const [at, to] = [copy * 4, copy * 6];
        observations[to] = Math.cos(state[at]!);
        observations[to + 1] = Math.sin(state[at]!);
        observations[to + 2] = Math.cos(state[at + 1]!);
        observations[to + 3] = Math.sin(state[at + 1]!);
        observations[to + 4] = state[at + 2]!;
        observations[to + 5] = state[at + 3]!;
      };
      return {
        state: [state],
        begin(copy) {
          for (let index = 0; index < 4; index++) {
            state[copy * 4 + index] = Math.fround(random[copy]!.uniform(-0.1, 0.1));
          }
          observe(copy);
        },
        move(copy, actions) {
          const at = copy * 4;
          for (let index = 0; index < 4; index++) from[index] = state[at + index]!;
          integrate(actions[copy]! - 1);
          const [angle1, angle2] = [wrapped(from[0]!), wrapped(from[1]!)];
          state[at] = angle1;
          state[at + 1] = angle2;
          state[at + 2] = within(from[2]!, MAX_SPEED_1);
          state[at + 3] = within(from[3]!, MAX_SPEED_2);
          observe(copy);
          if (-Math.cos(angle1) - Math.cos(angle2 + angle1) <= 1) return -1;
          terminated[copy] = 1;
          return 0;
        },
      };
    },
  };
};

const LIMITS = { maxEpisodeSteps: 500, rewardThreshold: -100 } as const;

export const acrobotV1 = defineEnvironment({
  type: "Acrobot-v1",
  description: "Swing two links up by a motor in their joint; −1 a step until the tip is high, 500 steps at most",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(acrobot(chosen), { ...LIMITS, ...setup }),
});

import { describe, expect, it } from "vitest";
import { createRegistry } from "../../../src/pipelines/registry/registry.ts";
import type { AutoresetMode, VectorEnvironment } from "../../../src/pipelines/rl/environment.ts";
import { ENVIRONMENTS } from "../../../src/pipelines/rl/environments/index.ts";
import { choicesOf, spaceSize } from "../../../src/pipelines/rl/spaces.ts";

const { environments } = createRegistry();

function make(type: string, options: object = {}, count = 1, autoreset: AutoresetMode = "nextStep"): VectorEnvironment {
  const definition = environments.get(type)!;
  return definition.make(definition.options.parse(options), { count, autoreset });
}

const asActions = ({ actionSpace }: VectorEnvironment, actions: readonly number[]) =>
  actionSpace.type === "box" ? Float32Array.from(actions) : Int32Array.from(actions);

/** Actions that depend on the step alone, so that two environments can be given the same. */
function scripted(environment: VectorEnvironment, step: number): Float32Array | Int32Array {
  const choices = choicesOf(environment.actionSpace);
  const { count, mask } = environment;
  return asActions(
    environment,
    Array.from({ length: count * spaceSize(environment.actionSpace) }, (_, index) => {
      const draw = (Math.imul(step * 31 + index + 1, 2654435761) >>> 8) % 1000;
      if (choices === null) return draw / 500 - 1;
      const n = choices[0]!;
      const allowed = mask?.subarray(index * n, (index + 1) * n);
      for (let action = 0; action < n; action++) {
        if (allowed?.[(draw + action) % n] === 1) return (draw + action) % n;
      }
      return draw % n;
    }),
  );
}

// From Gymnasium 1.4.0, seed 42: actions, rewards, first and last observation.
const KNOWN: readonly [string, number[], number[], number[], number[]][] = [
  [
    "CartPole-v1",
    [1, 0, 1, 1, 0],
    [1.0, 1.0, 1.0, 1.0, 1.0],
    [0.02739560417830944, -0.006112155970185995, 0.03585979342460632, 0.019736802205443382],
    [0.04229395464062691, 0.18668122589588165, 0.016615990549325943, -0.2216322124004364],
  ],
  [
    "Acrobot-v1",
    [2, 0, 1, 2, 2],
    [-1.0, -1.0, -1.0, -1.0, -1.0],
    [
      0.99849933385849, 0.0547637976706028, 0.9999252557754517, -0.012224007397890091, 0.07171958684921265,
      0.039473604410886765,
    ],
    [
      0.9989445209503174, -0.045932456851005554, 0.983320415019989, 0.18188156187534332, -0.26455914974212646,
      0.4218333959579468,
    ],
  ],
  [
    "MountainCar-v0",
    [2, 0, 1, 2, 2],
    [-1.0, -1.0, -1.0, -1.0, -1.0],
    [-0.4452087879180908, 0.0],
    [-0.44987812638282776, -0.0008641621679998934],
  ],
  [
    "MountainCarContinuous-v0",
    [0.5, -0.25, 1.5, -2, 1],
    [-0.025, -0.00625, -0.225, -0.4, -0.1],
    [-0.4452087879180908, 0.0],
    [-0.44866278767585754, -0.001012858236208558],
  ],
  [
    "Pendulum-v1",
    [0.5, -0.25, 3, -2, 1],
    [-2.9646752412519177, -3.1319074926000066, -3.5315906866201177, -4.379190298016367, -5.1527279622970985],
    [-0.14995256066322327, 0.9886931777000427, -0.12224312126636505],
    [-0.642497718334198, 0.7662875652313232, 3.6193952560424805],
  ],
  ["FrozenLake-v1", [1, 2, 1, 2], [0, 0, 0, 0], [0], [5]],
  ["CliffWalking-v1", [0, 1, 1, 2, 0], [-1.0, -1.0, -1.0, -100.0, -1.0], [36.0], [24.0]],
  ["Taxi-v4", [0, 1, 2, 3, 4], [-1.0, -1.0, -1.0, -1.0, -10.0], [386.0], [366.0]],
  ["Blackjack-v1", [1], [-1.0], [15.0, 2.0, 0.0], [25.0, 2.0, 0.0]],
];

describe("an environment of Gymnasium's", () => {
  it.each(KNOWN)("%s goes as it goes there", (type, actions, rewards, first, last) => {
    const environment = make(type);
    environment.reset(42);
    for (const [index, value] of first.entries()) expect(environment.observations[index]).toBeCloseTo(value, 6);
    for (const [step, action] of actions.entries()) {
      environment.step(asActions(environment, [action]));
      expect(environment.rewards[0]).toBeCloseTo(rewards[step]!, 10);
    }
    for (const [index, value] of last.entries()) expect(environment.observations[index]).toBeCloseTo(value, 5);
  });

  it("Taxi says which actions change anything", () => {
    const environment = make("Taxi-v4");
    environment.reset(42);
    for (let step = 0; step < 300; step++) {
      const before = environment.observations[0]!;
      const isOver = environment.terminated[0] === 1 || environment.truncated[0] === 1;
      const action = step % 6;
      const allowed = environment.mask![action];
      environment.step(Int32Array.of(action));
      if (!isOver) expect(environment.observations[0] !== before).toBe(allowed === 1);
    }
  });
});

describe.each(ENVIRONMENTS.map(({ type }) => type))("%s", (type) => {
  const steps = 400;

  it("gives arrays as its spaces say, and nothing but finite numbers in them", () => {
    const environment = make(type, {}, 3);
    environment.reset(0);
    expect(environment.observations).toHaveLength(3 * spaceSize(environment.observationSpace));
    for (let step = 0; step < steps; step++) environment.step(scripted(environment, step));
    expect([...environment.observations, ...environment.rewards].every(Number.isFinite)).toBe(true);
  });

  it("goes on from a snapshot as if nothing had happened, in a new environment", () => {
    const environment = make(type, {}, 3, "sameStep");
    environment.reset(5);
    for (let step = 0; step < 37; step++) environment.step(scripted(environment, step));
    const other = make(type, {}, 3, "sameStep");
    other.restore(environment.snapshot());
    for (let step = 37; step < steps; step++) {
      const actions = scripted(environment, step);
      environment.step(actions);
      other.step(actions);
    }
    expect(other.snapshot()).toEqual(environment.snapshot());
  });

  it("keeps copies apart: each goes as it goes alone", () => {
    const together = make(type, {}, 3);
    together.reset(11);
    const alone = make(type);
    alone.reset(12);
    const size = spaceSize(together.observationSpace);
    for (let step = 0; step < steps; step++) {
      const actions = scripted(together, step);
      const width = actions.length / 3;
      together.step(actions);
      alone.step(actions.slice(width, 2 * width));
    }
    expect(together.observations.slice(size, 2 * size)).toEqual(alone.observations);
  });
});

describe("options of an environment", () => {
  it("CartPole without velocities shows CartPole's position and angle", () => {
    const [whole, part] = [make("CartPole-v1"), make("CartPoleNoVel-v1")];
    for (const environment of [whole, part]) {
      environment.reset(1);
      environment.step(Int32Array.of(1));
    }
    expect([...part.observations]).toEqual([whole.observations[0], whole.observations[2]]);
  });

  it("Pendulum without velocity shows Pendulum's cosine and sine", () => {
    const [whole, part] = [make("Pendulum-v1"), make("PendulumNoVel-v1")];
    for (const environment of [whole, part]) {
      environment.reset(1);
      environment.step(Float32Array.of(1));
    }
    expect([...part.observations]).toEqual([...whole.observations.subarray(0, 2)]);
  });

  it("a map of ice whose rows differ is refused", () => {
    expect(() => make("FrozenLake-v1", { desc: ["SFF", "FG"] })).toThrow(/desc/);
  });

  it("a grid world is a picture with one agent, one goal and its pits", () => {
    const environment = make("GridWorldPixels-v0", { size: 4, tile: 1, pits: 3 });
    environment.reset(2);
    const [red, green, blue] = [0, 1, 2].map((channel) =>
      environment.observations.slice(channel * 16, (channel + 1) * 16),
    );
    const count = (r: number, g: number, b: number) =>
      [...red!].filter((value, at) => value === r && green![at] === g && blue![at] === b).length;
    expect([count(255, 255, 255), count(0, 255, 0), count(255, 0, 0), count(0, 0, 0)]).toEqual([1, 1, 3, 11]);
  });
});

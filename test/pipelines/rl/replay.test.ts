import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/pipelines/random.ts";
import {
  type Batch,
  createReplay,
  type Replay,
  type ReplayShape,
  type Transition,
} from "../../../src/pipelines/rl/replay.ts";
import { createSteps } from "../../../src/pipelines/rl/replaySteps.ts";

const SHAPE: ReplayShape = { capacity: 4, observation: 1, action: 1, mask: 0, choices: true, alpha: null };

const batchOf = (count: number): Batch => ({
  observations: new Float32Array(count),
  next: new Float32Array(count),
  actions: new Int32Array(count),
  rewards: new Float32Array(count),
  discounts: new Float32Array(count),
  weights: new Float32Array(count),
  mask: null,
});

const add = (replay: Replay, value: number): void =>
  replay.add({
    observation: [value],
    observationAt: 0,
    action: [value],
    actionAt: 0,
    reward: value,
    discount: 0.9,
    next: [value + 1],
    nextAt: 0,
    mask: null,
  });

function drawn(replay: Replay, count = 200, beta = 1, seed = 1) {
  const batch = batchOf(count);
  replay.draw(batch, createRandom(seed, "draw"), beta);
  return batch;
}
const kinds = (values: ArrayLike<number>): number[] => [...new Set(Array.from(values))].sort((a, b) => a - b);

describe("a replay buffer", () => {
  it("gives back what was put in, whole rows together", () => {
    const replay = createReplay(SHAPE);
    for (const value of [1, 2, 3]) add(replay, value);
    const { observations, next, actions, rewards, discounts } = drawn(replay);
    expect(kinds(observations)).toEqual([1, 2, 3]);
    expect([...actions]).toEqual([...observations]);
    expect([...rewards]).toEqual([...observations]);
    expect([...next]).toEqual(Array.from(observations, (value) => value + 1));
    expect(kinds(discounts)).toEqual([Math.fround(0.9)]);
  });

  it("lets the oldest go when it is full", () => {
    const replay = createReplay(SHAPE);
    for (const value of [1, 2, 3, 4, 5, 6]) add(replay, value);
    expect(replay.size).toBe(4);
    expect(kinds(drawn(replay).observations)).toEqual([3, 4, 5, 6]);
  });

  it("grows as it is filled, to its capacity", () => {
    const replay = createReplay({ ...SHAPE, capacity: 3000 });
    for (let value = 0; value < 3500; value++) add(replay, value);
    expect(replay.size).toBe(3000);
    const values = kinds(drawn(replay, 60_000).observations);
    expect([values[0], values.at(-1), values.length]).toEqual([500, 3499, 3000]);
  });

  it("says that all may be chosen where no mask came", () => {
    const replay = createReplay({ ...SHAPE, mask: 2 });
    add(replay, 1);
    const batch = { ...batchOf(2), mask: new Int32Array(4) };
    replay.draw(batch, createRandom(1), 0);
    expect([...batch.mask]).toEqual([1, 1, 1, 1]);
  });

  it.each([null, 0.6])("is the same after save and restore, with priorities %s", (alpha) => {
    const replay = createReplay({ ...SHAPE, alpha });
    for (const value of [1, 2, 3, 4, 5]) add(replay, value);
    drawn(replay, 4);
    replay.surprise([1, 2, 3, 4]);
    const other = createReplay({ ...SHAPE, alpha });
    other.restore(replay.save());
    for (const each of [replay, other]) add(each, 6);
    expect(drawn(other)).toEqual(drawn(replay));
  });
});

describe("prioritised replay", () => {
  const surprised = (beta: number) => {
    const replay = createReplay({ ...SHAPE, alpha: 1 });
    add(replay, 1);
    drawn(replay, 1);
    replay.surprise([3]);
    add(replay, 2);
    const batch = batchOf(1);
    // Whichever was drawn gets error 1: until it is the second's turn, the first gets 3 again.
    for (let seed = 0; batch.observations[0] !== 2; seed++) {
      replay.draw(batch, createRandom(seed, "second"), 0);
      replay.surprise(batch.observations[0] === 2 ? [1] : [3]);
    }
    return drawn(replay, 4000, beta);
  };

  it("draws each as often as it surprised", () => {
    const firsts = surprised(0).observations.filter((value) => value === 1).length;
    expect(firsts / 4000).toBeCloseTo(0.75, 2);
  });

  it("makes up for it by weights: the rarest counts 1, with beta 1 the others in proportion", () => {
    const { observations, weights } = surprised(1);
    expect(weights![observations.indexOf(2)]).toBe(1);
    expect(weights![observations.indexOf(1)]).toBeCloseTo(1 / 3, 4);
    expect(kinds(surprised(0).weights!)).toEqual([1]);
  });

  it("draws what is new at least as often as anything else", () => {
    const replay = createReplay({ ...SHAPE, alpha: 1 });
    add(replay, 1);
    drawn(replay, 1);
    replay.surprise([5]);
    add(replay, 2);
    const seconds = drawn(replay, 4000).observations.filter((value) => value === 2).length;
    expect(seconds / 4000).toBeCloseTo(0.5, 2);
  });
});

describe("transitions over several steps", () => {
  /** What one copy that sees 0, 1, 2 … and gets reward 1, 2, 3 … leaves behind: [seen, reward, discount, next] */
  function left(steps: number, ends: "terminated" | "truncated" | null, length: number): number[][] {
    const rows: number[][] = [];
    const replay = {
      add: ({ observation, observationAt, reward, discount, next }: Transition) =>
        rows.push([observation[observationAt]!, reward, discount, next[0]!]),
    } as unknown as Replay;
    const pending = createSteps(replay, { count: 1, steps, gamma: 0.5, observation: 1, action: 1 });
    for (let step = 0; step < length; step++) {
      const isOver = step === length - 1;
      pending.begin(0, [step], [0]);
      pending.end(0, {
        reward: step + 1,
        terminated: isOver && ends === "terminated",
        truncated: isOver && ends === "truncated",
        next: [step + 1],
        mask: null,
      });
    }
    return rows;
  }

  it("over one step are what happened", () => {
    expect(left(1, null, 2)).toEqual([
      [0, 1, 0.5, 1],
      [1, 2, 0.5, 2],
    ]);
  });

  it("over three sum up discounted rewards, and look three steps ahead", () => {
    expect(left(3, null, 4)).toEqual([
      [0, 1 + 0.5 * 2 + 0.25 * 3, 0.125, 3],
      [1, 2 + 0.5 * 3 + 0.25 * 4, 0.125, 4],
    ]);
  });

  it("stop at an end, after which nothing counts", () => {
    expect(left(3, "terminated", 2)).toEqual([
      [0, 1 + 0.5 * 2, 0, 2],
      [1, 2, 0, 2],
    ]);
  });

  it("stop where an episode is cut short, and count what would have come", () => {
    expect(left(3, "truncated", 2)).toEqual([
      [0, 1 + 0.5 * 2, 0.25, 2],
      [1, 2, 0.5, 2],
    ]);
  });
});

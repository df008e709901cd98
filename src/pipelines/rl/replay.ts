/** @file A replay buffer: transitions in a ring of typed arrays that grow as they are needed, to be drawn at random or by surprise. */
import type { NdArray } from "../../engine/index.ts";
import type { RandomStream } from "../random.ts";
import { createPriorities, type Priorities } from "./replayPriorities.ts";

export interface ReplayShape {
  /** Transitions at most; the oldest go first. */
  readonly capacity: number;
  /** Numbers of an observation, of an action, and of a mask (0: there is none). */
  readonly observation: number;
  readonly action: number;
  readonly mask: number;
  /** Whether actions are choices. */
  readonly choices: boolean;
  /** How much surprise counts (Schaul et al. 2016); null: every transition is as likely. */
  readonly alpha: number | null;
}

/** One transition, read where it stands: `at` counts rows. */
export interface Transition {
  readonly observation: ArrayLike<number>;
  readonly observationAt: number;
  readonly action: ArrayLike<number>;
  readonly actionAt: number;
  readonly reward: number;
  /** What the value of what was seen next counts: γ to the number of steps, or 0 where the episode ended. */
  readonly discount: number;
  readonly next: ArrayLike<number>;
  readonly nextAt: number;
  /** What could be chosen next; null where all can. */
  readonly mask: ArrayLike<number> | null;
}

/** Inputs of an update, for as many transitions as `rewards` is long. */
export interface Batch {
  readonly observations: Float32Array;
  readonly next: Float32Array;
  readonly actions: Float32Array | Int32Array;
  readonly rewards: Float32Array;
  readonly discounts: Float32Array;
  /** What each counts in the loss. */
  readonly weights: Float32Array | null;
  readonly mask: Int32Array | Uint8Array | null;
}

export interface Replay {
  /** Transitions kept. */
  readonly size: number;
  add(transition: Transition): void;
  /** Draws a batch with replacement. @param beta how far `weights` make up for what is drawn more often, 0 to 1. */
  draw(batch: Batch, random: RandomStream, beta: number): void;
  /** How wrong the last batch's values were. */
  surprise(errors: ArrayLike<number>): void;
  save(): Record<string, NdArray>;
  restore(tensors: Readonly<Record<string, NdArray>>): void;
}

type Column = Float32Array | Int32Array | Uint8Array;

const FIRST_ROWS = 1024;
const ROWS = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;

export function createReplay({ capacity, observation, action, mask, choices, alpha }: ReplayShape): Replay {
  const widths = { observations: observation, next: observation, actions: action, rewards: 1, discounts: 1, mask };
  const names = (Object.keys(widths) as (keyof typeof widths)[]).filter((name) => widths[name] > 0);
  const dtypeOf = (name: keyof typeof widths): keyof typeof ROWS =>
    name === "mask" ? "U8" : name === "actions" && choices ? "I32" : "F32";
  const columns = {} as Record<keyof typeof widths, Column>;
  for (const name of names) columns[name] = new ROWS[dtypeOf(name)](Math.min(capacity, FIRST_ROWS) * widths[name]);
  const priorities: Priorities | null = alpha === null ? null : createPriorities(capacity, alpha);
  let size = 0;
  let head = 0;
  let drawn = new Int32Array(0);

  function grow(rows: number): void {
    for (const name of names) {
      const larger = new ROWS[dtypeOf(name)](rows * widths[name]);
      larger.set(columns[name]);
      columns[name] = larger;
    }
  }

  function put(name: keyof typeof widths, from: ArrayLike<number>, at: number): void {
    const [width, column] = [widths[name], columns[name]];
    for (let index = 0; index < width; index++) column[head * width + index] = from[at * width + index]!;
  }

  function take(name: keyof typeof widths, into: { [index: number]: number }): void {
    const [width, column] = [widths[name], columns[name]];
    let place = 0;
    for (const row of drawn) {
      for (let index = 0; index < width; index++) into[place++] = column[row * width + index]!;
    }
  }

  return {
    get size() {
      return size;
    },
    add({ observation: seen, observationAt, action: done, actionAt, reward, discount, next, nextAt, mask: allowed }) {
      const rows = columns.rewards.length;
      if (head === rows && rows < capacity) grow(Math.min(capacity, rows * 2));
      put("observations", seen, observationAt);
      put("next", next, nextAt);
      put("actions", done, actionAt);
      columns.rewards[head] = reward;
      columns.discounts[head] = discount;
      if (mask > 0) {
        if (allowed === null) (columns.mask as Uint8Array).fill(1, head * mask, (head + 1) * mask);
        else put("mask", allowed, nextAt);
      }
      priorities?.setNewest(head);
      size = Math.max(size, head + 1);
      head = (head + 1) % capacity;
    },
    draw(batch, random, beta) {
      const count = batch.rewards.length;
      if (drawn.length !== count) drawn = new Int32Array(count);
      if (priorities === null) {
        for (let index = 0; index < count; index++) drawn[index] = random.integer(size);
        batch.weights?.fill(1);
      } else priorities.draw(drawn, batch.weights!, { size, beta, random });
      take("observations", batch.observations);
      take("next", batch.next);
      take("actions", batch.actions);
      take("rewards", batch.rewards);
      take("discounts", batch.discounts);
      if (mask > 0 && batch.mask !== null) take("mask", batch.mask);
    },
    surprise: (errors) => priorities?.set(drawn, errors),
    save() {
      const kept = names.map((name): [string, NdArray] => {
        const data = columns[name].slice(0, size * widths[name]);
        return [name, { dtype: dtypeOf(name), shape: [size, widths[name]], data }];
      });
      const place: NdArray = { dtype: "I32", shape: [2], data: Int32Array.of(size, head) };
      return { ...Object.fromEntries(kept), place, ...(priorities === null ? {} : priorities.save(size)) };
    },
    restore(tensors) {
      [size, head] = tensors.place!.data as unknown as [number, number];
      const rows = Math.min(capacity, Math.max(columns.rewards.length, size));
      if (rows > columns.rewards.length) grow(rows);
      for (const name of names) columns[name].set(tensors[name]!.data as Float32Array);
      priorities?.restore(tensors);
    },
  };
}

/** @file A rollout in parts: the order of each epoch from the seed, rows gathered into the update's program, figures read back. */
import type { Executor, State } from "../../../engine/index.ts";
import { runWhole } from "../../model/whole.ts";
import { createSampleRandom } from "../../random.ts";
import type { LearnerContext } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { memoryWidths } from "../policy.ts";
import type { Rollout } from "../rollout.ts";
import { gatherRows } from "../rows.ts";
import { spaceSize } from "../spaces.ts";
import { scalarWriter } from "./improve.ts";
import type { OnPolicyOptions } from "./ppoOptions.ts";
import { traceUpdate } from "./ppoUpdate.ts";

export interface Figures {
  readonly loss: number;
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  readonly oldApproxKl: number;
  readonly approxKl: number;
  readonly clipFraction: number;
}

export interface Minibatches {
  /** Of an epoch. */
  readonly count: number;
  /** What the next parts are of. */
  take(rollout: Rollout, seed: number, update: number): void;
  /** One step of the optimizer on one part. */
  run(epoch: number, index: number, moment: { step: number; learningRate: number; clipCoef: number }): Figures;
  release(): void;
}

const NAMES = ["loss", "policyLoss", "valueLoss", "entropy", "oldApproxKl", "approxKl", "clipFraction"] as const;

/** Apart from draws of other kinds with the same seed. */
const ORDER = 0x6f7264;

type Context = Pick<LearnerContext, "registry" | "policy" | "count" | "groups"> & {
  readonly executor: Executor;
  readonly state: State;
};

/** Without a memory parts are of any steps; with one, of whole copies, so that sequences stay together. */
export function openMinibatches(
  { registry, executor, state, policy, count, groups }: Context,
  options: OnPolicyOptions,
): Minibatches {
  const copies = count * groups;
  const time = policy.memory === null ? 1 : options.numSteps;
  const sequences = (copies * options.numSteps) / time;
  const wanted =
    options.minibatchSize === undefined
      ? Math.ceil(sequences / options.numMinibatches)
      : Math.ceil(options.minibatchSize / time);
  const size = Math.max(1, Math.min(sequences, wanted));
  const parts = Math.ceil(sequences / size);
  const program = executor.compile(traceUpdate(registry, policy, { sequences: size, time }, options), state);
  const { inputs, outputs } = program;
  const views = outputs as Readonly<Record<(typeof NAMES)[number], Float32Array>>;
  const setScalars = scalarWriter(registry, options.optimizer, "policy", inputs as never);
  const figures = { loss: 0, policyLoss: 0, valueLoss: 0, entropy: 0, oldApproxKl: 0, approxKl: 0, clipFraction: 0 };
  /** Sequences in the order of the epoch, and the rows that they are. */
  const order = new Int32Array(sequences);
  const rows = new Int32Array(size * time);
  const counts = inputs.counts as Float32Array;
  const widths = {
    observations: spaceSize(policy.observation),
    actions: spaceSize(policy.action),
    logProbs: 1,
    advantages: 1,
    returns: 1,
    values: 1,
    counts: 1,
    ...(policy.memory === null ? {} : { starts: 1 }),
    ...(policy.masked ? { mask: maskWidth(policy.action) } : {}),
  } as const;
  const memories = memoryWidths(policy);
  let rollout: Rollout | null = null;
  let [seed, update, shuffled] = [0, 0, -1];

  function shuffle(epoch: number): void {
    shuffled = epoch;
    for (let index = 0; index < sequences; index++) order[index] = index;
    if (parts === 1) return;
    const random = createSampleRandom(seed, update, epoch, ORDER);
    for (let last = sequences - 1; last > 0; last--) {
      const chosen = random.integer(last + 1);
      const swapped = order[last]!;
      order[last] = order[chosen]!;
      order[chosen] = swapped;
    }
  }

  /** Copy c of group g is sequence g · count + c; its step t is row g · count · steps + t · count + c. */
  function spread(from: number, to: number): void {
    let place = 0;
    for (let index = from; index < to; index++) {
      const group = Math.floor(order[index]! / count);
      const copy = order[index]! % count;
      for (let step = 0; step < time; step++) rows[place++] = (group * time + step) * count + copy;
    }
  }

  /** Rows of part `index` of the epoch into the program, which keeps them. */
  function gather(index: number): void {
    const from = index * size;
    const to = Math.min(sequences, from + size);
    if (policy.memory !== null) spread(from, to);
    const taken = (to - from) * time;
    for (const name in widths) {
      const source = rollout![name as keyof typeof widths]!;
      const into = inputs[name] as Float32Array;
      const width = widths[name as "observations"];
      if (policy.memory === null) gatherRows(into, source, width, order, from, to);
      else gatherRows(into, source, width, rows, 0, taken);
    }
    counts.fill(0, taken);
    memories.forEach((width, place) => {
      gatherRows(inputs[`memory.${place}`] as Float32Array, rollout!.memory[place]!, width, order, from, to);
    });
  }

  return {
    count: parts,
    take(next, nextSeed, nextUpdate) {
      [rollout, seed, update, shuffled] = [next, nextSeed, nextUpdate, -1];
    },
    run(epoch, index, { step, learningRate, clipCoef }) {
      // A rollout learned whole is the same in every epoch, and in any order.
      const isThere = parts === 1 && shuffled >= 0;
      if (shuffled !== epoch && !isThere) shuffle(epoch);
      if (!isThere) gather(index);
      setScalars(step, learningRate);
      inputs.clipCoef![0] = clipCoef;
      runWhole(program);
      for (const name of NAMES) figures[name] = views[name][0]!;
      return figures;
    },
    release: () => program.release(),
  };
}

/** @file A training's compiled programs and the state they share: steps in, sums out, everything saved and put back. */
import { type Executor, type NdArray, type Program, type State, sizeOf } from "../../engine/index.ts";
import { type BatchViews, orderOf, viewsOf } from "../model/batches.ts";
import { initialWeights } from "../model/network.ts";
import type { Weights } from "../model/record.ts";
import { type Sums, scoreReader } from "../model/score.ts";
import { packWeights, weightArrays } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { openBatches } from "./batchSource.ts";
import type { Prepared } from "./prepare.ts";
import {
  AVERAGE,
  AVERAGING_INPUTS,
  STATISTICS_SHARE,
  type StepContext,
  scalarInput,
  traceAccumulatedStep,
  traceAccumulation,
  traceStatistics,
  traceStep,
  trainingStates,
} from "./step.ts";

export interface Session {
  readonly state: State;
  /** The path above what is judged and kept: empty for the weights, `average` where averages are kept. */
  readonly root: string;
  /** Rows of a batch. */
  readonly batch: number;
  /** The metrics that `runBatch` sums up. */
  readonly metrics: readonly string[];
  /**
   * One batch, from `order[from]`, its sums added to `sums`.
   * @returns how many rows it was, and their mean loss; null when the executor was interrupted: nothing has changed then.
   */
  runBatch(order: Int32Array, from: number, sums: Sums, moment: StepMoment): BatchOutcome | null;
  /** Ends an accumulation with an optimizer step; false when interrupted. Without accumulation there is nothing to end. */
  endStep(moment: StepMoment): boolean;
  /**
   * The running statistics of averaged weights become the mean over so many batches, as `torch.optim.swa_utils.update_bn`
   * has it; false when interrupted, or when there are none.
   */
  measureStatistics(batches: number): boolean;
  /** What is kept as it is: the weights, or their averages. */
  snapshot(previous: Weights | null): Weights;
  /** Everything, by path under `state.`, and back again. */
  save(): Record<string, NdArray>;
  restore(tensors: Readonly<Record<string, NdArray>>): void;
  /** Sets what is kept. */
  writeWeights(arrays: Readonly<Record<string, NdArray>>): void;
  release(): void;
}

export interface StepMoment {
  /** The optimizer step that this is part of, counted from 1. */
  readonly step: number;
  /** Of the parameters without a rate of their own. */
  readonly learningRate: number;
  /** What the schedule makes of learning rates. */
  readonly factor: number;
  /** What of the new weights goes into the averages. */
  readonly share: number;
  /** Batches done before: with the seed, what random ops draw from. */
  readonly batches: number;
}

export interface BatchOutcome {
  readonly rows: number;
  readonly loss: number;
}

const STATE = "state.";

/**
 * @param look called every few milliseconds while initial weights are drawn; throws to give up.
 * @throws OUT_OF_MEMORY with numbers, before anything is computed, when weights, slots and batch do not fit.
 */
export function openSession(executor: Executor, registry: Registry, prepared: Prepared, look: () => void): Session {
  const opened: { release(): void }[] = [];
  const release = (): void => {
    for (const resource of opened.splice(0).reverse()) resource.release();
  };
  const keep = <Resource extends { release(): void }>(resource: Resource): Resource => {
    opened.push(resource);
    return resource;
  };
  try {
    return { ...compileSession(executor, registry, prepared, look, keep), release };
  } catch (refusal) {
    release();
    throw refusal;
  }
}

type Keep = <Resource extends { release(): void }>(resource: Resource) => Resource;

function compileSession(
  executor: Executor,
  registry: Registry,
  prepared: Prepared,
  look: () => void,
  keep: Keep,
): Omit<Session, "release"> {
  const { record, leaves, training, options, grouping } = prepared;
  const accumulates = options.accumulate > 1;
  const batch = Math.min(options.batchSize, training.count);
  const context: StepContext = { registry, record, options, leaves, grouping, batch, rows: training };
  const root = options.averaging === undefined ? "" : AVERAGE;
  const atRoot = (path: string): string => (root === "" ? path : `${root}.${path}`);
  const beside = trainingStates(context, accumulates);
  const types = Object.fromEntries([
    ...leaves.map(({ path, type }) => [path, type] as const),
    ...Object.entries(beside).map(([path, { type }]) => [path, type] as const),
  ]);
  const state = keep(executor.createState(types));
  const batchProgram = keep(executor.compile(accumulates ? traceAccumulation(context) : traceStep(context), state));
  const stepProgram = accumulates ? keep(executor.compile(traceAccumulatedStep(context), state)) : batchProgram;

  const write = (arrays: Readonly<Record<string, NdArray>>): void => {
    for (const [path, value] of Object.entries(arrays)) state.write(path, value);
  };
  const initialValues =
    record.weights === null ? initialWeights(leaves, record.seed, look) : weightArrays(record.weights);
  write(initialValues);
  for (const [path, { type, initial }] of Object.entries(beside)) {
    if (initial === 0) continue; // as states begin
    const filled = () => ({ ...type, data: new Float32Array(sizeOf(type.shape)).fill(initial as number) });
    state.write(path, typeof initial === "string" ? initialValues[initial]! : filled());
  }

  const source = keep(openBatches(registry, prepared, batch));
  const feed = feedOf(batchProgram, options.seed);
  const optimizer = find(registry.optimizers, options.optimizer.type, "optimizer.type");
  const rates = grouping.groups.map(({ optimizer: chosen, learningRate }) => ({
    learningRate,
    scalars: optimizer.scalars(optionsOf(chosen)),
  }));
  const set = scalarSetter(stepProgram);
  const setScalars = ({ step, learningRate, factor, share }: StepMoment): void => {
    for (const [group, { learningRate: own, scalars }] of rates.entries()) {
      const values = scalars(step, own === null ? learningRate : own * factor);
      for (const name in values) set(scalarInput(group, name), values[name]!);
    }
    set(AVERAGING_INPUTS.kept, 1 - share);
    set(AVERAGING_INPUTS.added, share);
  };
  const scores = scoreReader(batchProgram.outputs);
  const readAll = (paths: readonly string[], prefix = ""): Record<string, NdArray> =>
    Object.fromEntries(paths.map((path) => [prefix + path, state.read(path)]));

  return {
    state,
    root,
    batch,
    metrics: scores.names,
    runBatch(order, from, sums, moment) {
      const { count } = source.fill(feed.views, order, from, moment.batches);
      feed.setCounter(moment.batches);
      if (!accumulates) setScalars(moment);
      if (!batchProgram.run()) return null;
      const { loss, counted } = scores.addTo(sums);
      return { rows: count, loss: counted === 0 ? 0 : loss / counted };
    },
    endStep(moment) {
      if (!accumulates) return true;
      setScalars(moment);
      return stepProgram.run();
    },
    measureStatistics(batches) {
      if (root === "" || leaves.every(({ trainable }) => trainable)) return false;
      const program = executor.compile(traceStatistics(context), state);
      try {
        const { views, setCounter } = feedOf(program, options.seed);
        const setShare = scalarSetter(program);
        const order = orderOf(training.count, options.seed, 0, options.shuffle);
        for (let index = 0; index < batches; index++) {
          source.fill(views, order, (index * batch) % training.count, index);
          setCounter(index);
          setShare(STATISTICS_SHARE, 1 / (index + 1));
          if (!program.run()) return false;
        }
        return true;
      } finally {
        program.release();
      }
    },
    snapshot(previous) {
      const kept = leaves.map(({ path }) => [path, state.read(atRoot(path))] as const);
      return packWeights(Object.fromEntries(kept), previous);
    },
    save: () => readAll(Object.keys(types), STATE),
    restore: (tensors) => write(Object.fromEntries(Object.keys(types).map((path) => [path, tensors[STATE + path]!]))),
    writeWeights: (arrays) =>
      write(Object.fromEntries(Object.entries(arrays).map(([path, value]) => [atRoot(path), value]))),
  };
}

/** The views that a batch is written to, and the counter that random ops read. Inputs that the graph never uses are absent. */
function feedOf({ inputs }: Program, seed: number): { views: BatchViews; setCounter: (batches: number) => void } {
  const views = viewsOf(inputs);
  const random = inputs.random as Int32Array;
  random[0] = seed | 0;
  random[1] = Math.floor(seed / 2 ** 32) | 0;
  return {
    views,
    setCounter(batches) {
      random[2] = batches | 0;
      random[3] = Math.floor(batches / 2 ** 32) | 0;
    },
  };
}

/** Sets an input of one number; one that the graph never uses is absent. */
function scalarSetter({ inputs }: Program): (name: string, value: number) => void {
  const places = new Map(Object.entries(inputs));
  return (name, value) => {
    const place = places.get(name) as Float32Array | undefined;
    if (place !== undefined) place[0] = value;
  };
}

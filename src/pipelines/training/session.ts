/** @file A training's compiled programs and the state they share: steps in, sums out, everything saved and put back. */
import { type Executor, type NdArray, type Program, type State, sizeOf, type TypedArray } from "../../engine/index.ts";
import { type BatchViews, fillBatch } from "../model/batches.ts";
import { initialWeights } from "../model/network.ts";
import type { Weights } from "../model/record.ts";
import type { Sums } from "../model/score.ts";
import { packWeights, weightArrays } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { Prepared } from "./prepare.ts";
import { type StepContext, traceAccumulatedStep, traceAccumulation, traceStep, trainingStates } from "./step.ts";

export interface Session {
  readonly state: State;
  /** Rows of a batch. */
  readonly batch: number;
  /**
   * One batch, from `order[from]`, its sums added to `sums`.
   * @returns how many rows it was, or null when the executor was interrupted: nothing has changed then.
   */
  runBatch(order: Int32Array, from: number, sums: Sums, moment: StepMoment): number | null;
  /** Ends an accumulation with an optimizer step; false when interrupted. Without accumulation there is nothing to end. */
  endStep(moment: StepMoment): boolean;
  /** The weights as they are. */
  snapshot(previous: Weights | null): Weights;
  /** Everything, by path under `state.`, and back again. */
  save(): Record<string, NdArray>;
  restore(tensors: Readonly<Record<string, NdArray>>): void;
  writeWeights(arrays: Readonly<Record<string, NdArray>>): void;
  release(): void;
}

export interface StepMoment {
  /** The optimizer step that this is part of, counted from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** Batches done before: with the seed, what random ops draw from. */
  readonly batches: number;
}

const STATE = "state.";

/** @throws OUT_OF_MEMORY with numbers, before anything is computed, when weights, slots and batch do not fit. */
export function openSession(executor: Executor, registry: Registry, prepared: Prepared): Session {
  const opened: { release(): void }[] = [];
  const release = (): void => {
    for (const resource of opened.splice(0).reverse()) resource.release();
  };
  const keep = <Resource extends { release(): void }>(resource: Resource): Resource => {
    opened.push(resource);
    return resource;
  };
  try {
    return { ...compileSession(executor, registry, prepared, keep), release };
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
  keep: Keep,
): Omit<Session, "release"> {
  const { record, leaves, training, options } = prepared;
  const accumulates = options.accumulate > 1;
  const batch = Math.min(options.batchSize, training.count);
  const context: StepContext = { registry, record, options, leaves, batch };
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
  write(record.weights === null ? initialWeights(leaves, record.seed) : weightArrays(record.weights));
  for (const [path, { type, initial }] of Object.entries(beside)) {
    state.write(path, { ...type, data: new Float32Array(sizeOf(type.shape)).fill(initial) });
  }

  const feed = feedOf(batchProgram, options.seed);
  const optimizer = find(registry.optimizers, options.optimizer.type, "optimizer.type");
  const scalars = optimizer.scalars(optionsOf(options.optimizer));
  const setScalars = scalarSetter(stepProgram);
  const running = Object.keys(batchProgram.outputs).filter((name) => name.startsWith("running."));
  const readings = running.map((name) => [name.slice("running.".length), batchProgram.outputs[name]!] as const);
  const [lossSum, lossWeight] = [batchProgram.outputs.lossSum!, batchProgram.outputs.lossWeight!];
  const readAll = (paths: readonly string[], prefix = ""): Record<string, NdArray> =>
    Object.fromEntries(paths.map((path) => [prefix + path, state.read(path)]));

  return {
    state,
    batch,
    runBatch(order, from, sums, { step, learningRate, batches }) {
      const { count, weight } = fillBatch(feed.views, training, order, from);
      feed.setCounter(batches);
      if (!accumulates) setScalars(scalars(step, learningRate));
      if (!batchProgram.run()) return null;
      sums.loss += Number(lossSum[0]);
      sums.lossWeight += Number(lossWeight[0]);
      sums.weight += weight;
      for (const [name, reading] of readings) sums.metrics[name] = (sums.metrics[name] ?? 0) + Number(reading[0]);
      return count;
    },
    endStep({ step, learningRate }) {
      if (!accumulates) return true;
      setScalars(scalars(step, learningRate));
      return stepProgram.run();
    },
    snapshot(previous) {
      const paths = leaves.map(({ path }) => path);
      return packWeights(readAll(paths), previous);
    },
    save: () => readAll(Object.keys(types), STATE),
    restore: (tensors) => write(Object.fromEntries(Object.keys(types).map((path) => [path, tensors[STATE + path]!]))),
    writeWeights: write,
  };
}

/** The views that a batch is written to, and the counter that random ops read. Inputs that the graph never uses are absent. */
function feedOf({ inputs }: Program, seed: number): { views: BatchViews; setCounter: (batches: number) => void } {
  const views = { features: inputs.features!, target: inputs.target!, weight: inputs.weight! };
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

function scalarSetter({ inputs }: Program): (values: Readonly<Record<string, number>>) => void {
  const places = new Map<string, TypedArray>();
  for (const [name, view] of Object.entries(inputs))
    if (name.startsWith("scalar.")) places.set(name.slice("scalar.".length), view);
  return (values) => {
    for (const name in values) (places.get(name) as Float32Array)[0] = values[name]!;
  };
}

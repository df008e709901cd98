/** @file Behaviour cloning: a policy that does what was done in recorded episodes, by maximum likelihood (Pomerleau 1991). */
import { z } from "zod";
import { type Executor, Fault, type NdArray, type Program } from "../../../engine/index.ts";
import type { Configured } from "../../model/spec.ts";
import { runWhole } from "../../model/whole.ts";
import { createRandom, permutation } from "../../random.ts";
import { parseBy, parseConfigured } from "../../registry/parse.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Learner, Metrics } from "../algorithm.ts";
import { addRows, momentTensors, newMoments, standardise } from "../normalise.ts";
import type { PolicySpec } from "../policy.ts";
import { policyLeaves } from "../policyRecord.ts";
import { gatherRows } from "../rows.ts";
import { traceCloning } from "./cloningUpdate.ts";
import type { Demonstrations } from "./demonstrations.ts";
import { diverged } from "./diverged.ts";
import { scalarWriter } from "./improve.ts";
import { gradientNorm, learningRate } from "./optionTypes.ts";
import { updateState } from "./ppoUpdate.ts";

export const CloningOptions = z.strictObject({
  epochs: z.int().min(1).max(100_000).default(10).describe("How often all of the recorded steps are learned"),
  batchSize: z.int().min(1).max(1_000_000).default(64).describe("Steps that an update learns from"),
  learningRate: learningRate("Length of the optimizer's steps").default(1e-3),
  entCoef: z.number().min(0).max(10).default(1e-3).describe("What entropy counts in the loss"),
  maxGradNorm: gradientNorm(null),
  optimizer: z
    .string()
    .default("adam")
    .describe("Any optimizer of the catalog, with its own defaults but the learning rate"),
});

export type CloningOptions = z.output<typeof CloningOptions>;

/** @throws INVALID_PARAMS naming the field, and for a policy that cannot be cloned */
export function parseCloning(registry: Registry, policy: PolicySpec, raw: unknown): CloningOptions {
  const options = parseBy(CloningOptions, raw, "");
  optimizerOf(registry, options);
  if (policy.memory !== null) throw remembering();
  return options;
}

const optimizerOf = (registry: Registry, { optimizer: type, learningRate }: CloningOptions): Configured =>
  parseConfigured(registry.optimizers, { type, learningRate }, "optimizer", "adam");

export interface CloningContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly learner: Learner;
  readonly policy: PolicySpec;
  readonly seed: number;
}

export interface CloningHooks {
  /** After each epoch, with means over it: `bc/loss`, `bc/neglogp`, `bc/entropy`, `bc/prob_true_act`. */
  epoch(epoch: number, metrics: Metrics): void;
  /** Asked after each update: whether to go on, to stop and keep what was learned, or to stop as if nothing had been. */
  word(): "go" | "keep" | "drop";
}

export interface Cloned {
  readonly epochs: number;
  readonly metrics: Metrics;
  readonly word: ReturnType<CloningHooks["word"]>;
}

/**
 * Lets a learner's policy imitate, and leaves it ready to act and to go on learning. Its statistics of observations, where it
 * has them, become those of what was recorded.
 * @returns epochs that were learned whole, the last one's figures, and how it ended
 * @throws DIVERGED when the loss is no number; the learner is then as it was
 */
export function cloneBehaviour(
  { registry, executor, learner, policy, seed }: CloningContext,
  recorded: Demonstrations,
  options: CloningOptions,
  hooks: CloningHooks,
): Cloned {
  const optimizer = optimizerOf(registry, options);
  const leaves = policyLeaves(registry, policy);
  const state = updateState(executor, registry, leaves, optimizer);
  const before = learner.weights();
  for (const { path } of leaves) state.write(path, before[path]!);
  const rows = Math.min(options.batchSize, recorded.rows);
  const program = executor.compile(traceCloning(registry, policy, { ...options, batchSize: rows, optimizer }), state);
  try {
    const { seen, moments } = standardised(policy, recorded);
    const result = learn({ program, registry, optimizer, seed, options, hooks }, { ...recorded, observations: seen });
    if (result.word === "drop") return result;
    const weights = Object.fromEntries(leaves.map(({ path }) => [path, state.read(path)]));
    transplant(learner, weights, moments === null ? {} : momentTensors("moments", moments));
    return result;
  } finally {
    program.release();
    state.release();
  }
}

function standardised({ normaliser }: PolicySpec, { observations, rows }: Demonstrations) {
  if (normaliser === null) return { seen: observations, moments: null };
  const moments = newMoments(observations.length / rows);
  addRows(moments, observations, rows);
  const seen = new Float32Array(observations.length);
  standardise(moments, observations, seen, normaliser.clip);
  return { seen, moments };
}

interface Learning {
  readonly program: Program;
  readonly registry: Registry;
  readonly optimizer: Configured;
  readonly seed: number;
  readonly options: CloningOptions;
  readonly hooks: CloningHooks;
}

const FIGURES = ["loss", "neglogp", "entropy", "prob_true_act"] as const;

function learn(
  { program, registry, optimizer, seed, options, hooks }: Learning,
  { observations, actions, mask, rows }: Demonstrations,
): Cloned {
  const { inputs, outputs } = program;
  const setScalars = scalarWriter(registry, optimizer, "clone", inputs as never);
  const counts = inputs.counts as Float32Array;
  const columns = [
    [inputs.observations, observations],
    [inputs.actions, actions],
    ...(mask === null ? [] : [[inputs.mask, mask]]),
  ] as [Float32Array, ArrayLike<number>][];
  let [step, metrics] = [0, {} as Metrics];
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const order = permutation(rows, createRandom(seed, "cloning", epoch));
    const sums = new Float64Array(FIGURES.length);
    for (let from = 0; from < rows; from += counts.length) {
      const to = Math.min(rows, from + counts.length);
      for (const [into, source] of columns) gatherRows(into, source, source.length / rows, order, from, to);
      counts.fill(0).fill(1, 0, to - from);
      setScalars(++step, options.learningRate);
      runWhole(program);
      for (const [index, name] of FIGURES.entries()) sums[index]! += Number(outputs[name]![0]) * (to - from);
      if (!Number.isFinite(sums[0])) throw astray(epoch + 1, options);
      const word = hooks.word();
      if (word !== "go") return { epochs: epoch, metrics, word };
    }
    metrics = Object.fromEntries(FIGURES.map((name, index) => [`bc/${name}`, sums[index]! / rows]));
    hooks.epoch(epoch + 1, metrics);
  }
  return { epochs: options.epochs, metrics, word: "go" };
}

/** New weights into a learner, and into its slower copies of them, leaving everything else as it stood. */
function transplant(
  learner: Learner,
  weights: Readonly<Record<string, NdArray>>,
  others: Readonly<Record<string, NdArray>>,
): void {
  const { tensors, progress } = learner.save();
  const moved: Record<string, NdArray> = { ...tensors, ...others };
  for (const [path, value] of Object.entries(weights)) {
    for (const place of [`state.${path}`, `state.target.${path}`]) if (place in tensors) moved[place] = value;
  }
  learner.restore({ tensors: moved, progress });
}

function remembering(): Fault {
  return new Fault("INVALID_PARAMS", "a policy with a memory cannot be cloned from single steps", {
    violations: [
      { path: "run", message: "its policy remembers", expected: "a policy without a memory", got: "a memory" },
    ],
    hint: "create the run without `memory`",
  });
}

const astray = (epoch: number, { learningRate }: CloningOptions): Fault =>
  diverged("the loss", { epoch }, { learningRate }, "lower the learning rate; the policy is as it was before");

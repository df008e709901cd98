/**
 * @file A model's training step as plain ONNX, for any runtime to continue: one file that makes a step, one that makes many
 * in a `Loop`, the states that both start from, and a card that says what to feed.
 */
import { createHash } from "node:crypto";
import { basename, dirname, extname } from "node:path";
import {
  encodeOnnx,
  exportLoop,
  exportProgram,
  Fault,
  type NdArray,
  nextOf,
  sizeOf,
  type Tensor,
  type TensorType,
  type Traced,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { replaceFile } from "../files/durable.ts";
import { makeFolder } from "../files/makeFolder.ts";
import { encodeSafetensors } from "../files/safetensors.ts";
import { writing } from "../files/writing.ts";
import { refuseOthers } from "../model/cardFile.ts";
import { declare, type FittedRecord, fitted } from "../model/network.ts";
import type { ModelRecord } from "../model/record.ts";
import { weightArrays } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { groupParameters } from "./groups.ts";
import { parseTrainOptions, type TrainOptions } from "./options.ts";
import { buildStep, type StepContext, scalarInput, trainingStates } from "./step.ts";

export interface OnnxTrainingOptions {
  /** As `train.start` takes them; what goes beyond one optimizer step a batch is refused. */
  readonly training: unknown;
  /** Steps that the second file makes in one run. */
  readonly steps: number;
  /** 17 to 21; 18 when left out, the first that can draw dropout's random numbers. */
  readonly opset?: number | undefined;
}

export interface OnnxTrainingResult {
  /** The file that makes one step. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly opset: number;
  /** The file that makes `steps` of them. */
  readonly loop: string;
  /** Safetensors: what the first run is fed as states. */
  readonly states: string;
  /** JSON: inputs, outputs and states, with their shapes and what they are. */
  readonly card: string;
}

/** Steps done before; with the seed, what random numbers and corrections for the start depend on. */
const STEP = "step";
const LEARNING_RATE = "learningRate";
const DEFAULT_OPSET = 18;
const FORMAT = "ml-sidecar training step 1";
/** Numbers that depend on the step are tables this long; by then corrections for the start have worn off. */
const TABLE = 20_000;

/**
 * Writes `<name>.onnx`, `<name>.loop.onnx`, `<name>.safetensors` and `<name>.json`.
 * @throws INVALID_STATE for a model that has not been trained; ALREADY_EXISTS where one of the others would replace what no
 *   export wrote; INVALID_PARAMS for training options that a single step
 *   cannot have; ONNX_OPERATOR_UNSUPPORTED where a layer's gradient has no ONNX form.
 */
export async function exportTraining(
  { registry, record: given }: { readonly registry: Registry; readonly record: ModelRecord },
  path: string,
  { training, steps, opset = DEFAULT_OPSET }: OnnxTrainingOptions,
): Promise<OnnxTrainingResult> {
  const record = fitted(given);
  const options = parseTrainOptions(registry, record, training);
  refuseBeyondSteps(options);
  const leaves = declare(registry, record, record.signature.features);
  const grouping = groupParameters(leaves, options);
  const context: StepContext = {
    registry,
    record,
    options,
    leaves,
    grouping,
    batch: options.batchSize,
    rows: { isRaw: true },
  };
  const traced = traceSelfContained(context, options);
  const base = extname(path) === ".onnx" ? path.slice(0, -".onnx".length) : path;
  const files = {
    path: `${base}.onnx`,
    loop: `${base}.loop.onnx`,
    states: `${base}.safetensors`,
    card: `${base}.json`,
  };
  const name = basename(base);
  const bytes = encodeOnnx(exportProgram({ name, traced, opset }));
  const loop = encodeOnnx(exportLoop({ name: `${name}.loop`, traced, opset }, steps));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await writing(path, async () => {
    makeFolder(dirname(path));
    await refuseOthers(files.card, FORMAT, [files.loop, files.states]);
    replaceFile(files.path, bytes);
    replaceFile(files.loop, loop);
    replaceFile(files.states, encodeSafetensors(initialStates(context, traced)));
    replaceFile(files.card, `${JSON.stringify(cardOf(record, traced, options, steps), null, 2)}\n`);
  });
  return { ...files, sha256, bytes: bytes.byteLength, opset };
}

/** What needs more than a batch in and an optimizer step out. */
function refuseBeyondSteps({ accumulate, averaging, augment, schedule }: TrainOptions): void {
  const refused = [
    { field: "accumulate", is: accumulate > 1, expected: "1: every run is a step" },
    { field: "averaging", is: averaging !== undefined, expected: "left out: average the states that come out" },
    { field: "augment", is: augment.length > 0, expected: "left out: change the rows before they go in" },
    { field: "schedule", is: schedule.type !== "constant", expected: "constant: feed each step's `learningRate`" },
  ].filter(({ is }) => is);
  if (refused.length === 0) return;
  throw new Fault("INVALID_PARAMS", "a training step as ONNX cannot hold all of this training", {
    violations: refused.map(({ field, expected }) => ({
      path: `training.${field}`,
      message: "not in the file",
      expected,
    })),
    hint: "leave these out; the host that runs the file does them",
  });
}

/** The step with all that our trainer works out between steps inside: random states, and numbers that depend on the step. */
function traceSelfContained(context: StepContext, options: TrainOptions): Traced {
  return trace((t) => {
    const done = t.state(STEP, { dtype: "I32", shape: [] });
    const { outputs, updates } = buildStep(answering(t, context, options, done), context);
    const loss = outputs.lossSum!.div(outputs.lossWeight!.equal(0).where(1, outputs.lossWeight!));
    return { outputs: { loss }, updates: { ...updates, [STEP]: done.add(1) } };
  });
}

/** A tracer that answers for inputs which are not the host's: everything else is asked of `t`. */
function answering(t: Tracer, { registry, grouping }: StepContext, options: TrainOptions, done: Tensor): Tracer {
  const own = new Map<string, () => Tensor>([["random", () => randomState(t, options.seed, done)]]);
  const optimizer = find(registry.optimizers, options.optimizer.type, "optimizer.type");
  grouping.groups.forEach(({ optimizer: chosen, learningRate }, group) => {
    const scalars = optimizer.scalars(optionsOf(chosen));
    const factor = learningRate === null ? 1 : learningRate / Number(options.optimizer.learningRate);
    for (const name of Object.keys(scalars(1, 1))) {
      own.set(scalarInput(group, name), () => tabled(t, (step, rate) => scalars(step, rate * factor)[name]!, done));
    }
  });
  return {
    ...t,
    input: (name: string, type: TensorType) => own.get(name)?.() ?? t.input(name, type),
  };
}

/** I32 [4]: the seed's halves, and the step's. */
function randomState(t: Tracer, seed: number, done: Tensor): Tensor {
  const fixed = t.constant({ dtype: "I32", shape: [2], data: Int32Array.of(seed | 0, Math.floor(seed / 2 ** 32) | 0) });
  const zero = t.constant({ dtype: "I32", shape: [1], data: new Int32Array(1) });
  return fixed.concat([done.reshape([1]), zero], 0);
}

/**
 * A number that an optimizer works out from the step and the learning rate: at each step a + b · rate, with a and b from
 * tables made in float64.
 * @throws INVALID_PARAMS for an optimizer whose numbers are no such function
 */
function tabled(t: Tracer, of: (step: number, rate: number) => number, done: Tensor): Tensor {
  const steps = Array.from({ length: TABLE }, (_, index) => index + 1);
  const constant = Float32Array.from(steps, (step) => of(step, 0));
  const slope = Float32Array.from(steps, (step) => of(step, 1) - of(step, 0));
  const isLinear = Math.abs(of(3, 0.5) - (of(3, 0) + 0.5 * (of(3, 1) - of(3, 0)))) <= 1e-9;
  if (!isLinear || !constant.every(Number.isFinite) || !slope.every(Number.isFinite)) {
    throw new Fault("INVALID_PARAMS", "this optimizer's step is not linear in the learning rate", {
      violations: [{ path: "training.optimizer", message: "cannot be written as ONNX" }],
      hint: "choose another optimizer, such as `adamw`",
    });
  }
  const at = done.minimum(TABLE - 1);
  const look = (table: Float32Array): Tensor =>
    table.every((value) => value === table[0])
      ? t.constant(table[0]!)
      : t.constant({ dtype: "F32", shape: [TABLE], data: table }).gather(at, 0);
  if (slope.every((value) => value === 0)) return look(constant);
  const scaled = t.input(LEARNING_RATE, { dtype: "F32", shape: [] }).mul(look(slope));
  return constant.every((value) => value === 0) ? scaled : scaled.add(look(constant));
}

/** The model's weights, an optimizer that has seen nothing, and no steps done. */
function initialStates(context: StepContext, { states }: Traced): Record<string, NdArray> {
  const weights = weightArrays(context.record.weights!);
  const beside = trainingStates(context, false);
  return Object.fromEntries(
    Object.entries(states).map(([path, { dtype, shape }]): [string, NdArray] => {
      if (weights[path] !== undefined) return [path, weights[path]];
      const data = dtype === "I32" ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
      return [path, { dtype, shape, data: data.fill(Number(beside[path]?.initial ?? 0)) }];
    }),
  );
}

const MEANINGS: Readonly<Record<string, string>> = {
  features:
    "rows as they are before preprocessing, which the file does: numbers, codes of categories, NaN for what is missing",
  target: "class indices, 0 and 1 for labels, or numbers on the scale that is learned",
  previous: "indices of what stands before each place",
  weight: "what each row counts; 0 for rows that only fill the batch",
  [LEARNING_RATE]: "the step's learning rate",
};

interface Described extends TensorType {
  readonly name: string;
  readonly description?: string;
}

function cardOf(record: FittedRecord, { inputs, states, outputs }: Traced, options: TrainOptions, steps: number) {
  const described = (name: string, { dtype, shape }: TensorType): Described => ({
    name,
    dtype,
    shape,
    ...(MEANINGS[name] !== undefined && { description: MEANINGS[name] }),
  });
  return {
    format: FORMAT,
    pipeline: record.spec.pipeline,
    backbone: record.spec.backbone,
    columns: record.preprocessing.columns.map(({ name, width, categories }) => ({
      name,
      width,
      ...(categories !== undefined && { categories }),
    })),
    batchSize: options.batchSize,
    optimizer: options.optimizer,
    loss: options.loss,
    learningRate: options.optimizer.learningRate,
    inputs: Object.entries(inputs).map(([name, node]) => described(name, node)),
    outputs: Object.entries(outputs).map(([name, node]) => described(name, node)),
    states: Object.entries(states).map(([path, node]) => ({ ...described(path, node), next: nextOf(path) })),
    loop: {
      steps,
      inputs: `every input with a first axis of ${steps}`,
      outputs: `every output with a first axis of ${steps}`,
    },
  };
}

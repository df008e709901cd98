/**
 * @file An ONNX model with integers in place of real numbers, in the form that any runtime reads: every operator stays what it
 * was, between QuantizeLinear and DequantizeLinear. Preparing folds what can be folded and says what will become of each
 * layer; the ranges of values are somebody else's to measure.
 */
import { Fault } from "../../fault.ts";
import type { ModelProto } from "../schema.ts";
import { dynamicForm } from "./dynamicForm.ts";
import { folded, type RankOf } from "./fold.ts";
import { type ActivationType, type Range, type Steps, stepsFor } from "./integers.ts";
import { type KeptReal, type Layer, layersOf, type Mode } from "./layers.ts";
import { activationsOf, staticForm } from "./staticForm.ts";
import type { FormOptions, Weights } from "./weights.ts";
import { wiringOf } from "./wiring.ts";

/** Since this opset a weight may have a scale for each channel. */
const OLDEST_OPSET = 13;

export interface Prepared {
  readonly mode: Mode;
  /** The same function, with fewer operators. */
  readonly model: ModelProto;
  readonly layers: readonly Layer[];
  readonly kept: readonly KeptReal[];
  /** Values whose ranges `int8-static` must know. */
  readonly measured: readonly string[];
  /** Values that become integers in `int8-static`, each with the measured one that decides its steps. */
  readonly sources: ReadonlyMap<string, string>;
  readonly rankOf: RankOf;
}

/**
 * @param rankOf of the model's values
 * @param isExcluded whether a layer is to stay as it is, by its dotted path
 * @throws Fault INVALID_PARAMS for an opset before 13
 */
export function prepareQuantization(
  model: ModelProto,
  mode: Mode,
  rankOf: RankOf,
  isExcluded: (path: string) => boolean,
): Prepared {
  refuseOld(model);
  const whole = folded(model, rankOf);
  const wiring = wiringOf(whole.graph!);
  const { layers, kept } = layersOf(wiring, { mode, isExcluded });
  const { sources } = activationsOf(wiring, layers);
  return {
    mode,
    model: whole,
    layers,
    kept,
    measured: mode === "int8-static" ? [...new Set(sources.values())] : [],
    sources,
    rankOf,
  };
}

export interface QuantizeOptions extends FormOptions {
  readonly activations: ActivationType;
  /** Of `measured`, by name. */
  readonly ranges: ReadonlyMap<string, Range>;
}

export interface Quantized {
  readonly model: ModelProto;
  readonly weights: Weights;
  /** Of the values measured. */
  readonly steps: ReadonlyMap<string, Steps>;
}

export function quantizeModel({ mode, model, layers, rankOf }: Prepared, options: QuantizeOptions): Quantized {
  const steps = new Map([...options.ranges].map(([name, range]) => [name, stepsFor(range, options.activations)]));
  const formed =
    mode === "int8-dynamic"
      ? dynamicForm(model.graph!, layers, options)
      : staticForm(model.graph!, layers, { ...options, rankOf, stepsOf: (name) => steps.get(name)! });
  return { model: { ...model, graph: formed.graph }, weights: formed.weights, steps };
}

function refuseOld({ opsetImport = [] }: ModelProto): void {
  const opset = Number(opsetImport.find(({ domain = "" }) => domain === "")?.version ?? 0);
  if (opset >= OLDEST_OPSET) return;
  const message = `integers with a scale for each channel need opset ${OLDEST_OPSET}`;
  throw new Fault("INVALID_PARAMS", message, {
    violations: [{ path: "quantize", message, expected: `opset ${OLDEST_OPSET} or later`, got: String(opset) }],
    hint: "export the model anew with a later opset, then quantise it",
  });
}

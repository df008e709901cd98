/** @file A fitted model in ONNX's operators: raw columns in, strings to codes, preprocessing, network and results. */
import { type Assembler, exportGraph, Fault, type ModelProto, type Shape, trace } from "../../engine/index.ts";
import { writeWithHead } from "../imported/writeBack.ts";
import type { InputColumn } from "../preprocess/preprocessing.ts";
import type { Registry } from "../registry/registry.ts";
import { atLength, lengthOf, lengthsToTry } from "./atLength.ts";
import { type CardValue, type ModelCard, metadataOf } from "./card.ts";
import type { PredictionContext } from "./loaded.ts";
import { type FittedRecord, infer, previousInput, translates } from "./network.ts";
import { interfaceOf, previousValue } from "./onnxPorts.ts";
import { weightArrays } from "./weights.ts";

type Lengths = readonly [number, number, number];
type Ports = ReturnType<typeof interfaceOf>;

export interface OnnxModel {
  readonly model: ModelProto;
  readonly card: ModelCard;
}

/**
 * With sequences of any length where the model has them and allows it; else with those that it learned from.
 * @param cardFor the card for what the file takes and gives
 */
export function onnxModelOf(
  { registry }: PredictionContext,
  record: FittedRecord,
  opset: number,
  cardFor: (ports: Ports) => ModelCard,
): OnnxModel {
  const { imported } = record;
  const ports = interfaceOf(registry, record);
  if (imported !== undefined) {
    const card = cardFor(ports);
    return { model: writeWithHead(registry, { ...record, imported }, metadataOf(card)), card };
  }
  const length = lengthOf(registry, record);
  for (const lengths of length === undefined ? [] : lengthsToTry(length)) {
    const written = anyLength(registry, record, opset, lengths, cardFor);
    if (written !== null) return written;
  }
  const card = cardFor(ports);
  return { model: graphOf(registry, record, opset, card), card };
}

/** Null where a model of such lengths cannot be built, or depends on them other than by sizes. */
function anyLength(
  registry: Registry,
  record: FittedRecord,
  opset: number,
  lengths: Lengths,
  cardFor: (ports: Ports) => ModelCard,
): OnnxModel | null {
  try {
    const longer = atLength(registry, record, lengths[0]);
    if (longer === undefined) return null;
    const card = cardFor(withSequence(interfaceOf(registry, record), interfaceOf(registry, longer)));
    return { model: graphOf(registry, record, opset, card, lengths), card };
  } catch (fault) {
    if (fault instanceof Fault && ["ONNX_OPERATOR_UNSUPPORTED", "SHAPE_MISMATCH"].includes(fault.reason)) return null;
    throw fault;
  }
}

/** The sizes that differ at another length are the sequence's. */
function withSequence(ports: Ports, longer: Ports): Ports {
  const symbolic = (values: readonly CardValue[], others: readonly CardValue[]): CardValue[] =>
    values.map((value, index) => ({
      ...value,
      shape: value.shape.map((size, axis) => (size === others[index]!.shape[axis] ? size : "sequence")),
    }));
  return {
    ...ports,
    inputs: symbolic(ports.inputs, longer.inputs),
    outputs: symbolic(ports.outputs, longer.outputs),
  };
}

function graphOf(
  registry: Registry,
  record: FittedRecord,
  opset: number,
  card: ModelCard,
  lengths?: Lengths,
): ModelProto {
  const weights = weightArrays(record.weights!);
  const at = (sequence: number | undefined): FittedRecord =>
    sequence === undefined ? record : atLength(registry, record, sequence)!;
  return exportGraph({
    name: card.name,
    opset,
    lengths,
    weights: (path) => weights[path]!,
    metadata: metadataOf(card),
    trace: (batch, sequence) =>
      trace((t) => {
        const own = at(sequence);
        const raw = t.input("raw", { dtype: "F32", shape: [batch, ...own.signature.raw] });
        return { outputs: infer(t, registry, own, raw, previousInput(t, registry, own, batch)) };
      }),
    before(assembler) {
      const { preprocessing, signature } = at(assembler.sizes.sequence);
      return {
        raw: rawRows(assembler, preprocessing.columns, card.inputs, signature.raw),
        ...previousTokens(assembler, registry, record),
      };
    },
    after(assembler, values) {
      for (const [name, { dtype }] of Object.entries(record.signature.results)) {
        const type = dtype === "I32" ? "I64" : dtype;
        const { value, shape } = values[name]!;
        assembler.output(name, type === dtype ? value : assembler.cast(value, type), type, shape);
      }
    },
  });
}

function previousTokens(assembler: Assembler, registry: Registry, record: FittedRecord): Record<string, string> {
  if (!translates(registry, record.spec)) return {};
  const { name, dtype, shape } = previousValue(record);
  return { previous: assembler.cast(assembler.input(name, dtype, assembler.sized(shape)), "I32") };
}

/** Declares the inputs and joins them to raw rows [batch, rawWidth], as `encodeInputs` makes them; or [batch, ...shape]. */
function rawRows(
  assembler: Assembler,
  columns: readonly InputColumn[],
  inputs: readonly CardValue[],
  raw: Shape,
): string {
  const { batch } = assembler.sizes;
  const parts = columns.map((column, index) => {
    const { name, dtype, shape } = inputs[index]!;
    const own = assembler.sized(shape);
    const value = assembler.input(name, dtype, own);
    if (column.kind === "category") return codesOf(assembler, value, column);
    const wanted = columns.length === 1 ? [batch, ...raw] : [batch, column.width];
    return own.join() === wanted.join() ? value : assembler.node("Reshape", [value, assembler.shape(wanted)]);
  });
  return parts.length === 1 ? parts[0]! : assembler.node("Concat", parts, { axis: { int: 1 } });
}

/** Strings [batch, 1] to codes [batch, 1], F32: NaN for the empty string, which stands for a missing value. */
function codesOf(assembler: Assembler, value: string, { categories, unknownCode }: InputColumn): string {
  const known = categories!.filter((category) => category !== "");
  return assembler.node("ai.onnx.ml.LabelEncoder", [value], {
    keys_strings: { strings: ["", ...known] },
    values_floats: { floats: [Number.NaN, ...known.map((category) => categories!.indexOf(category))] },
    default_float: { float: unknownCode! },
  });
}

/** @file An ONNX file as a model: its weights by their own names, what it takes and gives, and a report of what it is. */

import { createHash } from "node:crypto";
import {
  decodeOnnx,
  ELEMENT_TYPES,
  encodeOnnx,
  Fault,
  factsOf,
  isDecidedByData,
  isImpossible,
  type NdArray,
  type OpenedOnnx,
  openModel,
  type ReadPart,
  sizeOf,
  type Tracer,
  trace,
  withData,
} from "../../engine/index.ts";
import { BLANK } from "../model/blank.ts";
import type { ModelRecord } from "../model/record.ts";
import { packWeights } from "../model/weights.ts";
import type { ImportedFile } from "./importedFile.ts";
import { type ImportReport, reportOf } from "./importReport.ts";
import { elementTypeOf } from "./ports.ts";

/** The pipeline of a model that only runs what a file says. */
export const IMPORTED = "onnx";

export interface ImportedModel extends ModelRecord {
  readonly imported: ImportedFile;
}

export const isImported = (record: ModelRecord): record is ImportedModel =>
  record.imported !== undefined && record.spec.pipeline === IMPORTED;

/**
 * @param read gives data that stand in files beside the model
 * @throws Fault DATA_INVALID for a file that is no ONNX model, does not hang together or asks for what cannot be, PATH_DENIED for data outside its folder
 */
export function importOnnx(bytes: Uint8Array, read: ReadPart): { record: ImportedModel; report: ImportReport } {
  const decoded = decodeOnnx(bytes);
  const model = withData(decoded, read);
  const opened = openModel(model);
  const content = model === decoded ? bytes : encodeOnnx(model);
  const shared = new SharedArrayBuffer(content.byteLength);
  new Uint8Array(shared).set(content);
  const { refusal, decidedBy } = trial(opened);
  const imported: ImportedFile = {
    ...(refusal !== null && { needsOnnxruntime: true as const }),
    bytes: shared,
    sha256: createHash("sha256").update(content).digest("hex"),
  };
  const report = reportOf(model, opened, { refusal, decidedBy });
  return { record: recordOf(opened, imported, report.parameters), report };
}

/** Sizes that are open get one that small networks take, then one that images have, to see whether the graph can be raised. */
const SIZES = [2, 64];
/** No index and no window is larger, so that what cannot be at this size either cannot be at all. */
const BEYOND = 65_536;
/** What integers get that may decide shapes or branches. */
const VALUES = [1, 0, 2, 64];
/** Integers up to this many may decide shapes and branches: where they do, a program is made for their values. */
export const SMALL = 8;

/** What a trial of the graph has shown. */
interface Trial {
  /** What the engine cannot do; null where it can. */
  readonly refusal: Fault | null;
  /** Integer inputs without whose values the graph is not known. */
  readonly decidedBy: readonly string[];
}

function trial(opened: OpenedOnnx): Trial {
  const refusals = SIZES.map((size) => trialAt(opened, size, []));
  if (refusals.includes(null)) return { refusal: null, decidedBy: [] };
  if (refusals.every(isImpossible)) {
    const last = trialAt(opened, BEYOND, []);
    if (isImpossible(last)) throw refusals[0]!;
    if (last === null) return { refusal: null, decidedBy: [] };
  }
  const refusal = refusals.find(isDecidedByData) ?? refusals[0]!;
  const integers = opened.inputs.flatMap(({ name, elemType, shape }) => {
    const fixed = (shape ?? []).map((size) => (typeof size === "number" ? size : 1));
    return isInteger(elemType) && sizeOf(fixed) <= SMALL ? [name] : [];
  });
  if (!isDecidedByData(refusal) || integers.length === 0) return { refusal, decidedBy: [] };
  const canBeRaised = (names: readonly string[]): boolean =>
    SIZES.some((size) => VALUES.some((value) => trialAt(opened, size, names, value) === null));
  if (!canBeRaised(integers)) return { refusal, decidedBy: integers };
  const needed = integers.filter((name) => !canBeRaised(integers.filter((other) => other !== name)));
  return { refusal: null, decidedBy: needed.length === 0 ? integers : needed };
}

const isInteger = (elemType: number): boolean =>
  elemType in ELEMENT_TYPES && factsOf(elemType as keyof typeof ELEMENT_TYPES).computed !== "F32";

/** @param known inputs that are `value` everywhere */
function trialAt(opened: OpenedOnnx, openSize: number, known: readonly string[], value = 0): Fault | null {
  try {
    trace((t) => {
      const inputs = opened.inputs.map(({ name, elemType, shape }) => {
        const { computed } = factsOf(elementTypeOf(name, elemType));
        const own = known.includes(name) ? 1 : openSize;
        const sizes = (shape ?? []).map((size) => (typeof size === "number" ? size : own));
        if (!known.includes(name)) return [name, t.input(name, { dtype: computed, shape: sizes })] as const;
        const data = (computed === "BOOL" ? Uint8Array : Int32Array).from(new Array<number>(sizeOf(sizes)).fill(value));
        return [name, t.constant({ dtype: computed, shape: sizes, data })] as const;
      });
      const outputs = raise(t, opened, Object.fromEntries(inputs));
      return {
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, { tensor }]) => [`output:${name}`, tensor])),
      };
    });
    return null;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

/** With its weights as states under their own names. */
export function raise(
  t: Tracer,
  opened: OpenedOnnx,
  inputs: Parameters<OpenedOnnx["raise"]>[1],
): ReturnType<OpenedOnnx["raise"]> {
  return opened.raise(t, inputs, (name, { dtype, shape }) =>
    t.state(name, { dtype: dtype === "F64" ? "F32" : dtype, shape }),
  );
}

/** The initialisers that are weights, as programs hold them. */
export function weightsOf(opened: OpenedOnnx): Record<string, NdArray> {
  const names = [...opened.roles].filter(([, role]) => role !== "constant").map(([name]) => name);
  return Object.fromEntries(names.map((name) => [name, single(opened.initialiser(name))]));
}

function single({ shape, data }: NdArray): NdArray {
  const values = data instanceof Float32Array ? data : Float32Array.from(data as Float64Array);
  return { dtype: "F32", shape, data: values.slice(0, sizeOf(shape)) };
}

function recordOf(opened: OpenedOnnx, imported: ImportedFile, parameters: number): ImportedModel {
  return {
    spec: {
      pipeline: IMPORTED,
      input: null,
      backbone: { type: IMPORTED },
      head: { type: IMPORTED },
      preprocess: { default: "none" } as never,
      seed: 0,
    },
    seed: 0,
    state: "trained",
    ...BLANK,
    parameters,
    weights: packWeights(weightsOf(opened)),
    imported,
  };
}

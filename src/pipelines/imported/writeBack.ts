/**
 * @file An imported model as an ONNX file again: the file that it came from, with the tensors that training changed, and with
 * a new head in place of its last layers. What was not touched keeps its bytes, its name and its place.
 */
import {
  DTYPES,
  encodeOnnx,
  exportGraph,
  Fault,
  type GraphProto,
  type ModelProto,
  type NdArray,
  OPSETS,
  type Shape,
  type Tensor,
  type TensorProto,
  tensorProtoOf,
  trace,
} from "../../engine/index.ts";
import { createScope } from "../layers/scope.ts";
import { type FittedRecord, network, results } from "../model/network.ts";
import type { ModelRecord } from "../model/record.ts";
import { weightArrays } from "../model/weights.ts";
import { defineBackbone } from "../registry/define.ts";
import type { Registry } from "../registry/registry.ts";
import { type ImportedFile, openFile } from "./importedFile.ts";
import { weightsOf } from "./importOnnx.ts";
import { featuresOf } from "./importReport.ts";
import { toStored } from "./stored.ts";

type Written = ModelRecord & { readonly imported: ImportedFile };

const BACKBONE = "backbone.";
/** In a file of ours these begin what a head adds; a file's own names seldom do. */
const HEAD = "/new_head";

/** Whole, as it came in, with the weights as they are now: the same bytes where nothing has changed. */
export function writeWhole({ imported, weights }: Written): Uint8Array {
  const { model, opened } = openFile(imported);
  const now = weightArrays(weights!);
  const before = weightsOf(opened);
  if (Object.keys(before).every((name) => sameBits(before[name]!, now[name]!)))
    return new Uint8Array(imported.bytes).slice();
  return encodeOnnx({ ...model, graph: withWeights(model.graph!, before, now) });
}

/**
 * The file up to where the head begins, then the head in ONNX's operators.
 * @throws Fault INVALID_PARAMS where the model was given preprocessing, which the file has no place for
 */
export function writeWithHead(
  registry: Registry,
  record: Written & FittedRecord,
  metadata: Readonly<Record<string, string>>,
): ModelProto {
  refusePreprocessing(record);
  const { imported, spec } = record;
  const output = spec.backbone.output as string | undefined;
  const cut = output ?? featuresOf(openFile(imported).model.graph!)!;
  const { model, opened } = openFile(imported, [cut]);
  const all = weightArrays(record.weights!);
  const now = Object.fromEntries(
    Object.entries(all).flatMap(([path, value]) =>
      path.startsWith(BACKBONE) ? [[path.slice(BACKBONE.length), value] as const] : [],
    ),
  );
  const trunk = withWeights(model.graph!, weightsOf(opened), now);
  const head = headOf(registry, record, cut, nearestOpset(opened.opset), all);
  const own = model.metadataProps ?? [];
  const added = Object.entries(metadata).filter(([key]) => !own.some((each) => each.key === key));
  return {
    ...model,
    graph: {
      ...trunk,
      node: [...(trunk.node ?? []), ...(head.node ?? [])],
      initializer: [...(trunk.initializer ?? []), ...(head.initializer ?? [])],
      output: head.output ?? [],
    },
    metadataProps: [...own, ...added.map(([key, value]) => ({ key, value }))],
  };
}

/** What the file's own writer chose is kept; of it the head takes the nearest that we can write. */
function nearestOpset(opset: number): number {
  return Math.max(Math.min(...OPSETS), Math.min(Math.max(...OPSETS), opset));
}

function refusePreprocessing({ preprocessing }: FittedRecord): void {
  const steps = preprocessing.columns.flatMap(({ steps: own }) => own.map(({ type }) => type));
  if (steps.length === 0) return;
  throw new Fault("INVALID_PARAMS", `the file has no place for the model's preprocessing (${steps.join(", ")})`, {
    violations: [{ path: "preprocess", message: "cannot be written back", expected: "none", got: steps.join(", ") }],
    hint: 'create the model with `preprocess: "none"`, and prepare the rows before they go in',
  });
}

/** The head's graph, with names that meet none of the file's. */
function headOf(
  registry: Registry,
  record: FittedRecord,
  cut: string,
  opset: number,
  weights: Readonly<Record<string, NdArray>>,
): GraphProto {
  const width = widthAt(registry, record);
  const { graph } = exportGraph({
    name: "head",
    opset,
    weights: (path) => weights[path]!,
    trace: (batch) =>
      trace((t) => {
        const features = t.input(FEATURES, { dtype: "F32", shape: [batch, ...width] });
        const inputs = t.input(INPUTS, { dtype: "F32", shape: [batch, ...record.signature.features] });
        const plain = withoutBackbone(registry, features);
        const described = { ...record, spec: { ...record.spec, backbone: { type: PASSED } } };
        const answers = network(plain, described, createScope(t).scope, inputs);
        return { outputs: results(t, plain, described, answers, inputs) };
      }),
    after(assembler, values) {
      for (const [name, { dtype, shape }] of Object.entries(record.signature.results)) {
        const type = dtype === "I32" ? "I64" : dtype;
        const { value } = values[name]!;
        const cast = type === dtype ? value : assembler.cast(value, type);
        assembler.output(name, cast, type, assembler.sized(["batch", ...shape]));
      }
    },
  });
  return renamed(graph!, (name) => {
    if (name === FEATURES) return cut;
    if (name === INPUTS) return openFile(record.imported!).opened.inputs[0]!.name;
    return name.startsWith("/") ? HEAD + name : name;
  });
}

/** One row of what the head takes. */
function widthAt(registry: Registry, record: FittedRecord): Shape {
  let shape: Shape = [];
  trace((t) => {
    const { scope } = createScope(t);
    const x = t.input("features", { dtype: "F32", shape: [1, ...record.signature.features] });
    const backbone = registry.backbones.get(record.spec.backbone.type)!;
    const inside = { parts: [], previous: undefined, imported: record.imported, backbone: () => () => x } as never;
    const features = backbone.build(scope.child("backbone"), x, record.spec.backbone, inside);
    shape = features.shape.slice(1);
    return { outputs: { features } };
  });
  return shape;
}

const PASSED = "passed";
/** Of the head's graph: what the file's last layers were given, and what the file is given. */
const [FEATURES, INPUTS] = ["/features", "/inputs"];

/** A registry in which the head can be built on features that are there already. */
function withoutBackbone(registry: Registry, features: Tensor): Registry {
  const options = registry.backbones.get("onnx")!.options;
  const passed = defineBackbone({
    type: PASSED,
    description: "what is there already",
    options,
    build: () => features,
  });
  return { ...registry, backbones: new Map([...registry.backbones, [PASSED, passed as never]]) };
}

function renamed(graph: GraphProto, to: (name: string) => string): GraphProto {
  const all = (names: readonly string[] = []): string[] => names.map((name) => (name === "" ? "" : to(name)));
  return {
    ...graph,
    node: (graph.node ?? []).map((node) => ({
      ...node,
      name: to(node.name ?? ""),
      input: all(node.input),
      output: all(node.output),
    })),
    initializer: (graph.initializer ?? []).map((tensor) => ({ ...tensor, name: to(tensor.name ?? "") })),
  };
}

/** Only what differs is written; the rest stays the very tensors that were read. */
function withWeights(
  graph: GraphProto,
  before: Readonly<Record<string, NdArray>>,
  now: Readonly<Record<string, NdArray>>,
): GraphProto {
  const initializer = (graph.initializer ?? []).map((tensor): TensorProto => {
    const name = tensor.name ?? "";
    const [old, value] = [before[name], now[name]];
    if (old === undefined || value === undefined || sameBits(old, value)) return tensor;
    const { floatData: _, doubleData: __, int32Data: ___, rawData: ____, ...rest } = tensor;
    return { ...rest, rawData: tensorProtoOf(name, toStored(value, tensor.dataType)).rawData! };
  });
  return { ...graph, initializer };
}

function sameBits(a: NdArray, b: NdArray): boolean {
  if (a.data.length !== b.data.length) return false;
  const bits = ({ data, dtype }: NdArray): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.length * DTYPES[dtype].bytes);
  return Buffer.compare(bits(a), bits(b)) === 0;
}

/** @file What an import found in a file, in plain data: its interface, what became of each initialiser and why, what can't be had. */
import type { Fault, GraphProto, ModelProto, NodeProto, OnnxValue, OpenedOnnx, Role } from "../../engine/index.ts";

export interface ImportReport {
  readonly opset: number;
  readonly irVersion: number;
  readonly producer: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: number;
  readonly operators: Readonly<Record<string, number>>;
  /** Real numbers that training may change, in parameters. */
  readonly parameters: number;
  readonly initialisers: readonly ReportedInitialiser[];
  /** The value that a new head would take, if one is to replace the file's own; null where no last layer was found. */
  readonly features: string | null;
  /** What an export for inference has made disappear. */
  readonly folded: readonly string[];
  /** Integer inputs whose values choose shapes or branches: the engine makes a program for each set of them. */
  readonly decidedBy: readonly string[];
  /** Why the engine can't run the file; empty where it can. */
  readonly unsupported: readonly Unsupported[];
}

export interface ReportedInitialiser {
  readonly name: string;
  readonly role: Role;
  readonly shape: readonly number[];
  readonly why: string;
}

export interface Unsupported {
  readonly node: string;
  readonly operator: string;
  readonly reason: string;
}

const REASONS: Readonly<Record<Role, string>> = {
  parameter: "real numbers that an operator computes with: training may change them",
  buffer: "running statistics of a batch normalization: kept as they are",
  constant: "a whole number, a setting, or a number that is part of a formula",
};

/** @param refusal what raising the whole graph threw, if it did @param decidedBy what it hangs on */
export function reportOf(
  model: ModelProto,
  opened: OpenedOnnx,
  { refusal, decidedBy }: { readonly refusal: Fault | null; readonly decidedBy: readonly string[] },
): ImportReport {
  const graph = model.graph!;
  const initialisers = (graph.initializer ?? []).map(
    ({ name = "", dims = new BigInt64Array() }): ReportedInitialiser => {
      const role = opened.roles.get(name) ?? "constant";
      return { name, role, shape: Array.from(dims, Number), why: REASONS[role] };
    },
  );
  return {
    opset: opened.opset,
    irVersion: opened.irVersion,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(" "),
    inputs: opened.inputs,
    outputs: opened.outputs,
    nodes: graph.node?.length ?? 0,
    operators: counted((graph.node ?? []).map(({ opType = "" }) => opType)),
    parameters: initialisers
      .filter(({ role }) => role === "parameter")
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    initialisers,
    features: featuresOf(graph),
    folded: foldedIn(graph),
    decidedBy,
    unsupported: refusal === null ? [] : [unsupportedOf(refusal)],
  };
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function unsupportedOf({ message, context }: Fault): Unsupported {
  return { node: String(context?.node ?? ""), operator: String(context?.operator ?? ""), reason: message };
}

const LAST_LAYERS: readonly string[] = ["Gemm", "MatMul"];

/** What the last dense layer before the first output reads. */
export function featuresOf(graph: GraphProto): string | null {
  const makers = new Map<string, NodeProto>();
  for (const node of graph.node ?? []) for (const name of node.output ?? []) makers.set(name, node);
  const weights = new Set((graph.initializer ?? []).map(({ name }) => name));
  const reached = new Set([graph.output?.[0]?.name ?? ""]);
  for (const name of reached) {
    const node = makers.get(name);
    if (node === undefined) continue;
    if (LAST_LAYERS.includes(node.opType ?? "") && weights.has(node.input?.[1] ?? "")) return node.input![0]!;
    for (const read of node.input ?? []) reached.add(read);
  }
  return null;
}

/** PyTorch numbers what it has folded: `onnx::Conv_193` is a convolution's weight times a batch normalization's scale. */
const NUMBERED = /^onnx::Conv_\d+$/;

function foldedIn(graph: GraphProto): string[] {
  const hasNorm = (graph.node ?? []).some(({ opType }) => opType === "BatchNormalization");
  return (graph.node ?? []).flatMap(({ opType, name = "", input = [] }) => {
    if (opType !== "Conv" || hasNorm || input.length < 3 || !NUMBERED.test(input[1]!)) return [];
    return [`${name || input[1]}: a batch normalization is folded into this convolution`];
  });
}

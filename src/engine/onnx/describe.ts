/** @file What an ONNX model says about itself: its versions, what it takes and gives, and its metadata. */
import type { ModelProto, ValueInfoProto } from "./schema.ts";
import { type Dimension, dimensionsOf } from "./tensors.ts";

export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; 0 for what is no tensor. */
  readonly elemType: number;
  /** Undefined where the file leaves it open. */
  readonly shape: readonly Dimension[] | undefined;
}

export interface OnnxDescription {
  readonly irVersion: number;
  readonly opset: number;
  /** Without those that initialisers fill. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

export function describeOnnx({ irVersion, opsetImport, graph, metadataProps }: ModelProto): OnnxDescription {
  const filled = new Set(graph?.initializer?.map(({ name }) => name));
  return {
    irVersion: Number(irVersion ?? 0),
    opset: Number(opsetImport?.find(({ domain }) => (domain ?? "") === "")?.version ?? 0),
    inputs: (graph?.input ?? []).filter(({ name }) => !filled.has(name)).map(describeValue),
    outputs: (graph?.output ?? []).map(describeValue),
    metadata: Object.fromEntries((metadataProps ?? []).map(({ key = "", value = "" }) => [key, value])),
  };
}

function describeValue({ name = "", type }: ValueInfoProto): OnnxValue {
  return { name, elemType: type?.tensorType?.elemType ?? 0, shape: dimensionsOf(type) };
}

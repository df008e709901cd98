/** @file Inputs of an exported file as our engine takes them: strings as the codes that the file makes of them, integers in 32 bits. */
import type { ModelProto, NdArray, NodeProto, StringArray } from "../../engine/index.ts";

const encodersOf = (model: ModelProto): Map<string, NodeProto> =>
  new Map(
    (model.graph!.node ?? []).flatMap((node) => (node.opType === "LabelEncoder" ? [[node.input![0]!, node]] : [])),
  );

/** Strings become codes outside: what a LabelEncoder gives is fed in its place. */
export function withoutStrings(model: ModelProto): ModelProto {
  const encoders = encodersOf(model);
  if (encoders.size === 0) return model;
  const { node = [], input = [] } = model.graph!;
  const replaced = input.map((given) => {
    const encoder = encoders.get(given.name!);
    if (encoder === undefined) return given;
    const { shape } = given.type!.tensorType!;
    return { name: encoder.output![0]!, type: { tensorType: { elemType: 1, ...(shape && { shape }) } } };
  });
  const kept = node.filter(({ opType }) => opType !== "LabelEncoder");
  return { ...model, graph: { ...model.graph!, node: kept, input: replaced } };
}

/** The same of what is fed. */
export function encodeStrings(
  model: ModelProto,
  feeds: Readonly<Record<string, NdArray | StringArray>>,
): Record<string, NdArray> {
  const encoders = encodersOf(model);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]): [string, NdArray] => {
      const encoder = encoders.get(name);
      if (value.dtype !== "STRING") return [name, computable(value)];
      const code = codesOf(encoder!);
      return [encoder!.output![0]!, { dtype: "F32", shape: value.shape, data: Float32Array.from(value.data, code) }];
    }),
  );
}

function computable({ dtype, shape, data }: NdArray): NdArray {
  if (dtype === "F32") return { dtype, shape, data };
  const values = Int32Array.from(data as Int32Array, Number);
  return { dtype: dtype === "BOOL" ? "BOOL" : "I32", shape, data: values };
}

function codesOf({ attribute = [] }: NodeProto): (text: string) => number {
  const named = (wanted: string) => attribute.find(({ name }) => name === wanted);
  const codes = named("values_floats")?.floats ?? [];
  const known = new Map(
    (named("keys_strings")?.strings ?? []).map((bytes, index) => [Buffer.from(bytes).toString(), codes[index]!]),
  );
  const other = named("default_float")?.f ?? 0;
  return (text) => known.get(text) ?? other;
}

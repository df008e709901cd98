/** @file One case of the ONNX project: a model, tensors to feed it, tensors to expect, as `write_cases.py` left them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMessage, decodeOnnx } from "../../../src/engine/onnx/codec.ts";
import { type Read, readTensor } from "../../../src/engine/onnx/import/tensor.ts";
import type { ModelProto, ValueInfoProto } from "../../../src/engine/onnx/schema.ts";

export interface DataSet {
  /** By name, in the model's order; those that initialisers fill are left out. */
  readonly inputs: ReadonlyMap<string, Read>;
  readonly outputs: ReadonlyMap<string, Read>;
}

export interface Case {
  readonly kind: string;
  readonly name: string;
  readonly model: ModelProto;
  readonly sets: readonly DataSet[];
  readonly relative: number;
  readonly absolute: number;
}

export const casesOf = (root: string, kind: string): string[] => readdirSync(join(root, kind)).sort();

/** @throws Fault, or an Error for a case whose values are no tensors */
export function readCase(root: string, kind: string, name: string): Case {
  const folder = join(root, kind, name);
  const model = decodeOnnx(readFileSync(join(folder, "model.onnx")));
  if (readdirSync(folder).some((file) => file.endsWith(".none"))) throw new Error("takes or gives what is no tensor");
  const sets: DataSet[] = [];
  const tensors = (what: string, ports: readonly ValueInfoProto[]): Map<string, Read> => {
    const found = ports.flatMap(({ name: port = "" }, index): [string, Read][] => {
      const path = join(folder, `${sets.length}_${what}_${index}.pb`);
      return existsSync(path) ? [[port, readTensor(decodeMessage("TensorProto", readFileSync(path)))]] : [];
    });
    return new Map(found);
  };
  const { input = [], output = [] } = model.graph ?? {};
  while (existsSync(join(folder, `${sets.length}_output_0.pb`))) {
    sets.push({ inputs: tensors("input", input), outputs: tensors("output", output) });
  }
  if (sets.length === 0) throw new Error("has no data to compare with");
  const [relative, absolute] = readFileSync(join(folder, "tolerance"), "utf8").split(" ").map(Number);
  return { kind, name, model, sets, relative: relative!, absolute: absolute! };
}

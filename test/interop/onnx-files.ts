/**
 * @file Writes ONNX files for test_onnx_files.py to judge:
 * `ops <folder>`: every op of the table at opset 17 and 21, with a JSON of inputs and the float64 reference's output;
 * `recode <folder>`: every .onnx file there, decoded and encoded again, as .again.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeOnnx, encodeOnnx } from "../../src/engine/onnx/codec.ts";
import { exportGraph } from "../../src/engine/onnx/export.ts";
import { OPS, type OpName } from "../../src/engine/ops/index.ts";
import type { Op } from "../../src/engine/ops/op.ts";
import { opCase } from "../engine/onnx/op-case.ts";

const [command, folder = "."] = process.argv.slice(2);

if (command === "ops") {
  for (const [name, op] of Object.entries(OPS) as [OpName, Op][]) {
    if (typeof op.onnx === "object" && op.onnx.form === "none") continue;
    const samples = op.samples(4);
    for (const [index, sample] of samples.entries()) writeOp(name, sample, index);
  }
} else if (command === "recode") {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".onnx"))) {
    const path = join(folder, file);
    writeFileSync(`${path}.again`, encodeOnnx(decodeOnnx(readFileSync(path))));
  }
} else {
  throw new Error(`unknown command ${command}: give ops or recode`);
}

function writeOp(name: OpName, sample: ReturnType<Op["samples"]>[number], index: number): void {
  const { traced, feeds, expected } = opCase(name, sample, index);
  const plain = (values: ArrayLike<number>): string[] => Array.from(values, String);
  const facts = {
    inputs: Object.entries(feeds).map(([input, { dtype, shape, data }]) => {
      return { name: input, dtype, shape, values: plain(data as Float32Array) };
    }),
    outputs: Object.entries(traced.outputs).map(([output, { shape }]) => {
      return { name: output, shape, values: plain(expected[output]!) };
    }),
  };
  const { onnxSince = 0 }: Op = OPS[name];
  for (const opset of [17, 21].filter((each) => each >= onnxSince)) {
    const base = join(folder, `${name}-${index}-opset${opset}`);
    const weights = () => {
      throw new Error("ops have no weights");
    };
    writeFileSync(`${base}.onnx`, encodeOnnx(exportGraph({ name, opset, trace: () => traced, weights })));
    writeFileSync(`${base}.json`, JSON.stringify(facts));
  }
}

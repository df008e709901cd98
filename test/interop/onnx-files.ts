/**
 * @file Writes ONNX files for test_onnx_files.py to judge:
 * `ops <folder>`: every op of the table at opset 17 and 21, with a JSON of inputs and the float64 reference's output;
 * `recode <folder>`: every .onnx file there, decoded and encoded again, as .again.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createReference } from "../../src/engine/executors/reference/reference.ts";
import type { Node } from "../../src/engine/graph.ts";
import { decodeOnnx, encodeOnnx } from "../../src/engine/onnx/codec.ts";
import { exportGraph } from "../../src/engine/onnx/export.ts";
import { OPS } from "../../src/engine/ops/index.ts";
import type { Few, Op } from "../../src/engine/ops/op.ts";
import { Tensor } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { drawSample } from "../engine/onnx/draw-sample.ts";

const [command, folder = "."] = process.argv.slice(2);

if (command === "ops") {
  for (const [name, op] of Object.entries(OPS as Readonly<Record<string, Op>>)) {
    if (typeof op.onnx === "object" && op.onnx.form === "none") continue;
    const samples = op.samples(4);
    for (const [index, sample] of samples.entries()) writeOp(name, op, sample, index);
  }
} else if (command === "recode") {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".onnx"))) {
    const path = join(folder, file);
    writeFileSync(`${path}.again`, encodeOnnx(decodeOnnx(readFileSync(path))));
  }
} else {
  throw new Error(`unknown command ${command}: give ops or recode`);
}

function writeOp(name: string, op: Op, sample: ReturnType<Op["samples"]>[number], index: number): void {
  const inputs = drawSample(sample.inputs, index);
  const traced = trace((t) => {
    const { graph } = t.constant(0);
    const nodes = inputs.map((input, position) => t.input(`x${position}`, input).node);
    const type = op.type(nodes as readonly Node[] as Few<Node>, sample.attributes);
    return { outputs: { y: new Tensor(graph, graph.add(name, nodes, sample.attributes, type)) } };
  });
  const reference = createReference();
  const program = reference.compile(traced, reference.createState({}));
  inputs.forEach(({ data }, position) => {
    program.inputs[`x${position}`]!.set(data as never);
  });
  program.run();
  const plain = (values: ArrayLike<number>): string[] => Array.from(values, String);
  const facts = {
    inputs: inputs.map(({ dtype, shape, data }) => ({ dtype, shape, values: plain(data as Float32Array) })),
    output: { shape: traced.outputs.y!.shape, values: plain(program.outputs.y as Float64Array) },
  };
  for (const opset of [17, 21]) {
    const base = join(folder, `${name}-${index}-opset${opset}`);
    const model = exportGraph({
      name,
      opset,
      trace: () => traced,
      weights: () => {
        throw new Error("ops have no weights");
      },
    });
    writeFileSync(`${base}.onnx`, encodeOnnx(model));
    writeFileSync(`${base}.json`, JSON.stringify(facts));
  }
}

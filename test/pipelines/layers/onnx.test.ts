import { beforeEach, describe, expect, it } from "vitest";
import { encodeOnnx, exportGraph, type NdArray, openOnnx, type Tensor, trace } from "../../../src/engine/index.ts";
import { createScope } from "../../../src/pipelines/layers/scope.ts";
import { needsOnnxruntime } from "../../engine/onnx/needs-onnxruntime.ts";
import { reals } from "../formula.ts";
import { applied, type Case, cases, expectWithin } from "./cases.ts";

/** In prediction, for any batch size; masks are part of the model. */
function exported(each: Case): Uint8Array {
  const weights = new Map<string, NdArray>();
  const model = exportGraph({
    name: each.layer,
    weights: (path) => weights.get(path)!,
    trace: (batch) =>
      trace((t) => {
        const { scope, declarations } = createScope(t);
        const inputs = Object.entries(each.inputs).map(([name, { dtype, shape, values }]): [string, Tensor] => {
          if (dtype === "BOOL") return [name, t.constant({ dtype, shape, data: Uint8Array.from(values!) })];
          return [name, t.input(name, { dtype, shape: shape.with(0, batch) })];
        });
        const outputs = applied(each, scope, Object.fromEntries(inputs));
        for (const { path, type } of declarations.leaves.values()) {
          const data = reals(path, type.shape);
          const positive = path.startsWith("running") ? data.map(Math.abs) : data;
          weights.set(path, { ...type, data: Float32Array.from(positive) });
        }
        return { outputs };
      }),
  });
  return encodeOnnx(model);
}

describe("in onnxruntime, from an exported file, what PyTorch computes comes back", () => {
  beforeEach(needsOnnxruntime);
  const same = cases.filter(({ updates }) => Object.keys(updates).length === 0);
  it.each(same.map((each) => [`${each.layer}: ${each.name}`, each] as const))("%s", async (_, each) => {
    const session = await openOnnx(exported(each));
    const inputs = Object.entries(each.inputs).filter(([, { dtype }]) => dtype !== "BOOL");
    const given = inputs.map(([name, { dtype, shape, values }]): [string, NdArray] => [
      name,
      { dtype, shape, data: values ? Int32Array.from(values) : Float32Array.from(reals(name, shape)) },
    ]);
    const got = await session.run(Object.fromEntries(given));
    await session.close();
    expect(Object.keys(got).sort()).toEqual(Object.keys(each.outputs).sort());
    for (const [name, stored] of Object.entries(each.outputs)) {
      expectWithin(Array.from(got[name]!.data, Number), stored, 1e-4, name);
    }
  });
});

/** @file Backbones for sequences of different lengths against PyTorch: packed sequences, masked attention, encoder and decoder. */
import { describe, expect, it } from "vitest";
import { createReference, type Shape, trace } from "../../../src/engine/index.ts";
import { createScope } from "../../../src/pipelines/layers/scope.ts";
import type { FeaturePart } from "../../../src/pipelines/registry/define.ts";
import { optionsOf, parseConfigured } from "../../../src/pipelines/registry/parse.ts";
import { integers, reals } from "../formula.ts";
import { HEAD_VECTORS } from "../heads/vectors.ts";
import { registry } from "../training/rig.ts";

const { x: shape, lengths, previous, vocabulary, networks } = HEAD_VECTORS.sequences;
const [batch, time, features] = shape;
const PARTS: readonly FeaturePart[] = [
  { name: "inputs", kind: "tensor", shape: [time, features], offset: 0, width: time * features },
  { name: "lengths", kind: "number", shape: [], offset: time * features, width: 1 },
];

/** What a backbone makes of the rows of the vectors, in float64; `beyond` stands where sequences have ended. */
function outputOf(raw: { readonly type: string }, beyond: number | null): number[] {
  const chosen = parseConfigured(registry.backbones, raw, "backbone", raw.type);
  const shapes: Record<string, Shape> = {};
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t);
    const rows = t.input("rows", { dtype: "F32", shape: [batch, time * features + 1] });
    const tokens = integers("previous", previous, vocabulary);
    const inside = {
      parts: PARTS,
      previous: { tokens: t.constant({ dtype: "I32", shape: previous, data: tokens }), vocabulary },
      backbone: () => {
        throw new Error("none of these has another inside");
      },
    };
    const y = registry.backbones.get(raw.type)!.build(scope.child("backbone"), rows, optionsOf(chosen), inside);
    for (const { path, type } of declarations.leaves.values()) shapes[path] = type.shape;
    return { outputs: { y } };
  });
  const executor = createReference();
  const types = Object.entries(shapes).map(([path, own]) => [path, { dtype: "F32", shape: own }] as const);
  const state = executor.createState(Object.fromEntries(types));
  for (const [path, own] of Object.entries(shapes))
    state.write(path, { dtype: "F32", shape: own, data: Float32Array.from(reals(path, own)) });
  const program = executor.compile(traced, state);
  const values = reals("x", shape);
  const rows = lengths.flatMap((length, row) => {
    const own = Array.from(values.subarray(row * time * features, (row + 1) * time * features));
    return [...own.map((value, index) => (beyond !== null && index >= length * features ? beyond : value)), length];
  });
  program.inputs.rows!.set(rows as never);
  program.run();
  return Array.from(program.outputs.y!, Number);
}

describe.each(networks)("$backbone.type $backbone.kind, $backbone.layers layers", ({ backbone, y }) => {
  it("is PyTorch's", () => {
    for (const [index, value] of outputOf(backbone, null).entries()) expect(value).toBeCloseTo(y.values[index]!, 5);
  });

  it("does not see what lies beyond a sequence's end", () => {
    expect(outputOf(backbone, 7)).toEqual(outputOf(backbone, -3));
  });
});

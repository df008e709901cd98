import { describe, expect, it } from "vitest";
import { createReference, type NdArray, type Tensor, trace } from "../../../src/engine/index.ts";
import { createScope } from "../../../src/pipelines/layers/scope.ts";
import { SUMMARIES, SUMMARY_NAMES, sequenceOf } from "../../../src/pipelines/layers/sequence.ts";

const PADDING = 9;

/** What a graph of one input gives. */
function evaluate(x: NdArray, build: (x: Tensor, scope: ReturnType<typeof createScope>["scope"]) => Tensor): number[] {
  const executor = createReference();
  const paths: Record<string, NdArray> = {};
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t);
    const y = build(t.input("x", { dtype: "F32", shape: x.shape }), scope);
    for (const { path, type } of declarations.leaves.values()) {
      const [vocabulary, width] = type.shape as [number, number];
      const data = Float32Array.from({ length: vocabulary * width }, (_, index) => Math.sin(index));
      paths[path] = { ...type, data };
    }
    return { outputs: { y } };
  });
  const state = executor.createState(paths);
  for (const [path, value] of Object.entries(paths)) state.write(path, value);
  const program = executor.compile(traced, state);
  (program.inputs.x as Float64Array).set(x.data as Float32Array);
  program.run();
  return [...(program.outputs.y as Float64Array)];
}

const tokens = (rows: number[][]): NdArray => ({
  dtype: "F32",
  shape: [rows.length, rows[0]!.length],
  data: Float32Array.from(rows.flat()),
});

describe("a sequence of tokens", () => {
  const options = { vocabulary: 10, width: 3, padding: PADDING };
  const summed = (rows: number[][], name: "last" | "mean" | "max") =>
    evaluate(tokens(rows), (x, scope) => {
      const { elements, lengths } = sequenceOf(scope, x, options);
      return SUMMARIES[name](elements, lengths);
    });

  it.each(SUMMARY_NAMES.filter((name) => name !== "each"))("has the same %s however far it is filled up", (name) => {
    const short = summed([[4, 1, 7]], name);
    expect(summed([[4, 1, 7, PADDING, PADDING]], name)).toEqual(short);
    expect(short.some((value) => value !== 0)).toBe(true);
  });

  it("ends with the last token that is not padding", () => {
    const lengthsOf = (rows: number[][]) =>
      evaluate(tokens(rows), (x, scope) => sequenceOf(scope, x, options).lengths!.cast("F32"));
    expect(
      lengthsOf([
        [4, PADDING, 7, PADDING],
        [1, 2, 3, 4],
        [PADDING, PADDING, PADDING, PADDING],
      ]),
    ).toEqual([3, 4, 1]);
  });
});

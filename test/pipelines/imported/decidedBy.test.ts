/** @file Imported files whose branches hang on an integer that they are given. */
import { describe, expect, it } from "vitest";
import { createMachine, encodeOnnx, type NdArray } from "../../../src/engine/index.ts";
import { tensorProtoOf, valueInfoOf } from "../../../src/engine/onnx/tensors.ts";
import { importOnnx } from "../../../src/pipelines/imported/importOnnx.ts";
import { predictImported } from "../../../src/pipelines/imported/predictImported.ts";
import { faultOf } from "../../support/fault.ts";

const executor = createMachine({ threads: 1 });
const nowhere = () => {
  throw new Error("there is nothing beside the file");
};

describe("a file whose branch hangs on an integer that it is given", () => {
  const branch = (name: string, operator: string) => ({
    name,
    type: 5,
    g: { name, node: [{ opType: operator, input: ["x"], output: [name] }], output: [{ name }] },
  });
  const file = encodeOnnx({
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "g",
      node: [
        { opType: "Equal", input: ["rate", "wanted"], output: ["isWanted"] },
        {
          opType: "If",
          input: ["isWanted"],
          output: ["y"],
          attribute: [branch("then_branch", "Neg"), branch("else_branch", "Abs")],
        },
      ],
      initializer: [tensorProtoOf("wanted", { dtype: "I64", shape: [], data: BigInt64Array.of(16_000n) })],
      input: [valueInfoOf("x", 1, [3]), valueInfoOf("rate", 7, []), valueInfoOf("other", 7, [2])],
      output: [valueInfoOf("y", 1, [3])],
    },
  });

  it("is said to depend on it, and is nothing that the engine lacks", () => {
    const { record, report } = importOnnx(file, nowhere);
    expect(report.decidedBy).toEqual(["rate"]);
    expect(report.unsupported).toEqual([]);
    expect(record.imported.needsOnnxruntime).toBeUndefined();
  });

  it("takes the branch that each value chooses", () => {
    const { record } = importOnnx(file, nowhere);
    const at = (rate: bigint) => {
      const x: NdArray = { dtype: "F32", shape: [3], data: Float32Array.of(1, -2, 3) };
      const integer = (shape: number[], ...data: bigint[]): NdArray => ({
        dtype: "I64",
        shape,
        data: BigInt64Array.from(data),
      });
      const feeds = { x, rate: integer([], rate), other: integer([2], 1n, 2n) };
      return Array.from(predictImported({ executor, record }, feeds).y!.data as Float32Array);
    };
    expect(at(16_000n)).toEqual([-1, 2, -3]);
    expect(at(8000n)).toEqual([1, 2, 3]);
  });

  it.each([0.5, Number.NaN])("refuses %d there, by the input's name", (value) => {
    const feeds: Record<string, NdArray> = {
      x: { dtype: "F32", shape: [3], data: Float32Array.of(1, -2, 3) },
      rate: { dtype: "F32", shape: [], data: Float32Array.of(value) },
      other: { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, 2n) },
    };
    const { reason, violations } = faultOf(() =>
      predictImported({ executor, record: importOnnx(file, nowhere).record }, feeds),
    );
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "inputs.rate", got: String(value) });
  });
});

/** @file Imported files that ask for what cannot be: refused at once, with the node. */
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

describe("a file that asks for what cannot be", () => {
  /** @param size of its axis: fixed, or open */
  const one = (operator: string, attribute: object, size: number | string, places?: number[]) =>
    encodeOnnx({
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: {
        name: "g",
        node: [
          {
            name: "the one",
            opType: operator,
            input: ["x", ...(places === undefined ? [] : ["places"])],
            output: ["y"],
            attribute: Object.entries(attribute).map(([name, value]) =>
              Array.isArray(value)
                ? { name, ints: BigInt64Array.from(value, BigInt), type: 7 }
                : { name, i: value, type: 2 },
            ),
          },
        ],
        initializer: [
          tensorProtoOf("places", {
            dtype: "I64",
            shape: [places?.length ?? 0],
            data: BigInt64Array.from(places ?? [], BigInt),
          }),
        ],
        input: [valueInfoOf("x", 1, [1, 2, size])],
        output: [valueInfoOf("y", 1, [1, 2, 1])],
      },
    });

  it.each([
    ["an index beyond its axis", one("Gather", { axis: 2n }, 3, [0, 3]), /the one.*index 3 .*axis of 3/, "input[1]"],
    ["an index before its axis", one("Gather", { axis: 1n }, 3, [-3]), /index -3 .*axis of 2/, "input[1]"],
    ["an index beyond a fixed axis", one("Gather", { axis: 1n }, "n", [2]), /index 2 .*axis of 2/, "input[1]"],
    ["an axis that its tensor lacks", one("Gather", { axis: 3n }, 3, [0]), /axis 3 .*3 axes/, "attribute.axis"],
    ["an axis before the first", one("ArgMax", { axis: -4n }, 3), /axis -4 .*3 axes/, "attribute.axis"],
    [
      "a window larger than the padded image",
      one("MaxPool", { kernel_shape: [6], pads: [1, 1] }, 3),
      /window sees 6 .*has 5/,
      "attribute.kernel_shape",
    ],
  ])("is refused at import: %s", (_what, file, message, path) => {
    const fault = faultOf(() => importOnnx(file, nowhere));
    expect(fault.reason).toBe("DATA_INVALID");
    expect(fault.message).toMatch(message);
    expect(fault.violations[0]!.path).toBe(`graph.node[0].${path}`);
  });

  it("is taken in where an open size may hold the index, and refused with fewer rows", () => {
    const { record, report } = importOnnx(one("Gather", { axis: 2n }, "n", [70]), nowhere);
    expect(report.unsupported).toEqual([]);
    const run = (size: number) => {
      const x: NdArray = {
        dtype: "F32",
        shape: [1, 2, size],
        data: Float32Array.from({ length: 2 * size }, (_, i) => i),
      };
      return predictImported({ executor, record }, { x }).y!;
    };
    expect(Array.from(run(80).data, Number)).toEqual([70, 150]);
    expect(faultOf(() => run(70)).message).toMatch(/index 70 .*axis of 70/);
  });
});

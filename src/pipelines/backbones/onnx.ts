/** @file A network from an ONNX file, up to the value that a new head takes: to be trained on, or kept as it is. */
import { z } from "zod";
import { Fault, type NdArray, type OpenedOnnx, showShape, sizeOf } from "../../engine/index.ts";
import { openFile } from "../imported/importedFile.ts";
import { featuresOf } from "../imported/importReport.ts";
import { defineBackbone } from "../registry/define.ts";

/** Values from the file, whatever the seed. */
const fromFile =
  ({ data }: NdArray) =>
  () =>
    data instanceof Float32Array ? data : Float32Array.from(data as Float64Array);

export const onnx = defineBackbone({
  type: "onnx",
  description: "An imported ONNX file without its last layer, as `models.import` knows it",
  options: z.object({
    model: z.string().optional().describe("The model that `models.import` made"),
    output: z
      .string()
      .optional()
      .describe("The value that the head takes; left out, what the file's last dense layer reads"),
  }),
  preprocess: () => "none",
  /** @returns the value at `output`, axes after the first flattened where there are more than two */
  build(scope, x, { output }, { imported }) {
    if (imported === undefined) {
      throw new Fault("INVALID_PARAMS", "backbone `onnx` has no file", {
        violations: [{ path: "backbone.model", message: "missing", expected: "the id of an imported model" }],
        hint: "call `models.import`, and give the id of its model as `backbone.model`",
      });
    }
    const cut = output ?? featuresOf(openFile(imported).model.graph!);
    if (cut === null) {
      throw new Fault("INVALID_PARAMS", "the file has no last dense layer to put a head in place of", {
        violations: [{ path: "backbone.output", message: "missing", expected: "the name of a value" }],
        hint: "name the value that the head shall take: the report of `models.import` lists the file's layers",
      });
    }
    const { opened } = openFile(imported, [cut]);
    const input = soleInput(opened, x.shape);
    const values = opened.raise(scope as never, { [input]: x }, (name, value, role) =>
      role === "buffer"
        ? scope.buffer(name, value.shape, fromFile(value))
        : scope.parameter(name, value.shape, fromFile(value)),
    );
    const { tensor } = values[cut]!;
    return tensor.shape.length > 2 ? tensor.reshape([x.shape[0]!, sizeOf(tensor.shape.slice(1))]) : tensor;
  },
});

/** @throws SHAPE_MISMATCH where rows of data do not fit the file */
function soleInput({ inputs }: OpenedOnnx, got: readonly number[]): string {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    throw new Fault("INVALID_PARAMS", `the file takes ${inputs.length} inputs, a backbone takes one`, {
      violations: [
        {
          path: "backbone.output",
          message: "needs several inputs",
          expected: "one",
          got: inputs.map(({ name }) => name).join(", "),
        },
      ],
      hint: "choose a value that one input decides",
    });
  }
  const declared = input.shape ?? got;
  const fits =
    declared.length === got.length &&
    declared.every((size, axis) => axis === 0 || typeof size === "string" || size === got[axis]);
  if (fits) return input.name;
  throw new Fault("SHAPE_MISMATCH", `the file takes rows of another shape`, {
    violations: [
      {
        path: "backbone",
        message: "wrong shape",
        expected: `[${declared.join(", ")}]`,
        got: showShape(["batch" as never, ...got.slice(1)]),
      },
    ],
    hint: "give data of the file's shape, the batch first",
  });
}

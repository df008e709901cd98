/** @file An imported model as a file in integers: whatever it was trained to be, with rows of random numbers to check it where there are no data. */
import { basename, extname } from "node:path";
import { decodeOnnx, type NdArray, type OnnxValue, sizeOf } from "../../engine/index.ts";
import { type ExportResult, writeOnnx } from "../model/onnxFile.ts";
import type { Quantizer } from "../quantize/quantizer.ts";
import { createRandom } from "../random.ts";
import { openFile } from "./importedFile.ts";
import type { ImportedModel } from "./importOnnx.ts";
import { portOf } from "./ports.ts";
import { writeWhole } from "./writeBack.ts";

/** Rows of what has a first size that is open, and whatever else is. */
const ROWS = 8;
const OPEN = 64;

/** Faults: those of the quantiser, and where the engine cannot run the file, those that say why. */
export async function writeQuantized(
  record: ImportedModel,
  path: string,
  options: { readonly quantize: Quantizer; readonly verify: boolean },
): Promise<ExportResult> {
  const model = decodeOnnx(writeWhole(record));
  const { opened } = openFile(record.imported);
  const feeds = Object.fromEntries(opened.inputs.map((input) => [input.name, invented(input)]));
  const card = {
    format: "ml-sidecar model card 1",
    name: basename(path, extname(path)),
    inputs: opened.inputs.map(portOf),
    outputs: opened.outputs.map(portOf),
  };
  // the quantiser compares with its own answers
  const compare = () => ({ samples: 0, maxAbsDiff: Number.NaN, largest: 0 });
  return writeOnnx(path, { model, opset: opened.opset, card, feeds, compare }, options);
}

function invented(input: OnnxValue): NdArray {
  const { name, dtype, shape } = portOf(input);
  const sizes = shape.map((size, axis) => (typeof size === "number" ? size : axis === 0 ? ROWS : OPEN));
  const random = createRandom(0, "quantize", name);
  const data = Float32Array.from({ length: sizeOf(sizes) }, () => random.normal());
  if (dtype === "I64") return { dtype, shape: sizes, data: BigInt64Array.from(data, () => BigInt(random.integer(2))) };
  return dtype === "F32"
    ? { dtype, shape: sizes, data }
    : { dtype: "I32", shape: sizes, data: Int32Array.from(data, () => random.integer(2)) };
}

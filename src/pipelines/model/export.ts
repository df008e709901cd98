/**
 * @file A trained model as one ONNX file that takes raw columns. The file is run in onnxruntime on made-up rows and compared
 * with our own answers before it is called done.
 */
import { basename, extname } from "node:path";
import { Fault, type NdArray, type StringArray } from "../../engine/index.ts";
import { openFile } from "../imported/importedFile.ts";
import { type About, cardOf } from "./card.ts";
import { lengthsOf, vocabularyOf } from "./foreign.ts";
import type { PredictionContext } from "./loaded.ts";
import { type FittedRecord, fitted } from "./network.ts";
import { type Difference, differenceOf, type ExportResult, type FileOptions, writeOnnx } from "./onnxFile.ts";
import { onnxModelOf } from "./onnxModel.ts";
import { feedsOf, inventPrevious, withSample } from "./onnxRows.ts";
import { predictRows } from "./predict.ts";
import { inventRows } from "./samples.ts";

export interface ExportOptions extends FileOptions {
  /** 17 to 21; 17 when left out. */
  readonly opset?: number | undefined;
  readonly about?: About | undefined;
}

const SAMPLES = 64;
const DEFAULT_OPSET = 17;

/**
 * Writes `path`, and the model card beside it as `<name>.json`.
 * @throws INVALID_STATE for a model without weights; INVALID_PARAMS for an opset that is not offered;
 *   ONNX_OPERATOR_UNSUPPORTED where a layer has no ONNX form or onnxruntime refuses the file; and as `writeOnnx`.
 */
export async function exportOnnx(
  context: PredictionContext,
  path: string,
  { opset: asked, about = {}, ...options }: ExportOptions = {},
): Promise<ExportResult> {
  const record = fitted(context.record);
  const opset = opsetOf(record, asked);
  const name = basename(path, extname(path));
  const rows = inventRows(record.preprocessing, SAMPLES, {
    vocabulary: vocabularyOf(record),
    lengths: lengthsOf(record),
  });
  const previous = inventPrevious(context.registry, record, SAMPLES);
  const answers = predictRows(context, rows, previous?.own);
  const { model, card } = onnxModelOf(context, record, opset, (ports) =>
    withSample(cardOf(record, name, { ...ports, about }), record, rows, answers),
  );
  const feeds = { ...feedsOf(record, rows), ...(previous && { previous: previous.theirs }) };
  return writeOnnx(path, { model, opset, card, feeds, compare: (theirs) => compare(theirs, answers) }, options);
}

/** The asked one; a file that the model came from keeps its own. @throws INVALID_PARAMS where that is another */
function opsetOf({ imported }: FittedRecord, asked: number | undefined): number {
  if (imported === undefined) return asked ?? DEFAULT_OPSET;
  const { opset } = openFile(imported).opened;
  if (asked === undefined || asked === opset) return opset;
  throw new Fault("INVALID_PARAMS", `the file that the model came from keeps its opset ${opset}`, {
    violations: [{ path: "opset", message: "not the file's own", expected: String(opset), got: String(asked) }],
    hint: "leave `opset` out",
  });
}

function compare(
  theirs: Readonly<Record<string, NdArray | StringArray>>,
  ours: Readonly<Record<string, NdArray>>,
): Difference {
  let difference: Difference = { samples: SAMPLES, maxAbsDiff: 0, largest: 0 };
  for (const [name, { data, dtype }] of Object.entries(theirs)) {
    if (dtype !== "F32") continue; // indices differ where two classes are as good as equal
    difference = differenceOf(data, ours[name]!.data, difference);
  }
  return difference;
}

/** @file The forms in which a host may hand over data: one schema each, told apart by their first key. */
import { z } from "zod";
import type { NdArray } from "../../engine/index.ts";

const path = z.string().min(1).describe("Path of the file");

const target = z
  .union([z.string(), z.array(z.string()).min(1)])
  .optional()
  .describe("Name of the column to predict; several for multilabel, or for several outputs");

const SETTABLE_KINDS = ["number", "boolean", "date", "category", "text"] as const;

const sampleWeight = z
  .string()
  .optional()
  .describe("Name of the column that says how much each row counts in the loss and in the metrics; no input");

/** Options of every source whose cells are text or JSON values. */
const cells = {
  target,
  sampleWeight,
  types: z
    .record(z.string(), z.enum(SETTABLE_KINDS))
    .default({})
    .describe(
      "Kinds by column, where the inferred one is wrong; cells that do not fit count as missing and are reported",
    ),
  missing: z
    .array(z.string())
    .default(["", "NA", "N/A", "nan", "null", "none", "?", "-"])
    .describe("What stands for a missing value, letter case and spaces around it aside"),
  dates: z
    .enum(["iso", "dmy", "mdy"])
    .optional()
    .describe("Order of day, month and year in dates; left out: inferred, 2024-12-31 always understood"),
  missingTarget: z.enum(["error", "drop"]).default("error").describe("What to do with rows whose target is missing"),
};

const badRows = z
  .enum(["skip", "error"])
  .default("skip")
  .describe("Leave out rows that cannot be read and report them, or refuse the file");

export const CsvReference = z.strictObject({
  path,
  ...cells,
  delimiter: z.string().min(1).max(4).optional().describe("Between fields; left out: the best of , ; tab |"),
  header: z
    .union([z.boolean(), z.array(z.string()).min(1)])
    .optional()
    .describe("Whether the first row names the columns, or their names; left out: inferred"),
  quote: z.string().length(1).default('"').describe("Around fields that hold delimiters or line ends"),
  comment: z.string().min(1).optional().describe("Lines that start with this are left out"),
  decimal: z.enum([".", ","]).optional().describe("Decimal mark; left out: inferred"),
  encoding: z.enum(["utf8", "latin1", "utf16le"]).default("utf8").describe("How the file's bytes are to be read"),
  badRows,
});

export const JsonReference = z.strictObject({ path, ...cells });
export const NdjsonReference = z.strictObject({ path, ...cells, badRows });
export const NpyReference = z.strictObject({
  x: path.describe("Path of the inputs, [rows, ...shape]"),
  y: path.optional().describe("Path of the targets, [rows] or [rows, outputs]"),
  sampleWeight: path.optional().describe("Path of how much each row counts, [rows]"),
});

export const TextReference = z.strictObject({
  path: path.optional(),
  value: z.string().optional().describe("The text itself"),
  encoding: z.enum(["utf-8", "latin1", "utf-16le"]).default("utf-8").describe("How the file's bytes are to be read"),
});

const paths = z.union([path, z.array(path).min(1)]);

export const IdxReference = z.strictObject({
  images: paths.describe(
    "Path of the images, such as train-images-idx3-ubyte.gz; of several files, joined in their order",
  ),
  labels: paths.optional().describe("Path of the labels, such as train-labels-idx1-ubyte.gz; of several files"),
  classes: z.array(z.string()).min(2).optional().describe("Names of the labels 0, 1, 2 …; left out: the numbers"),
  shape: z
    .enum(["image", "flat"])
    .default("image")
    .describe("A row as an image [1, height, width], or as height · width numbers"),
});

export const CifarReference = z.strictObject({
  path: paths.describe("Folder of the binary version (data_batch_1.bin …), or the files themselves"),
  variant: z.enum(["cifar10", "cifar100"]).default("cifar10").describe("Which of the two sets it is"),
  part: z.enum(["train", "test", "all"]).default("train").describe("Which files of a folder to read"),
  labels: z.enum(["fine", "coarse"]).default("fine").describe("CIFAR-100: its 100 classes, or the 20 groups of them"),
});

export const ImagesReference = z.strictObject({
  path: z.string().min(1).describe("Folder that holds a folder for each class, with its PNG and JPEG files inside"),
  size: z
    .tuple([z.int().min(1).max(4096), z.int().min(1).max(4096)])
    .optional()
    .describe("[height, width] that all pictures are brought to; left out: all must have the same size"),
  channels: z.enum(["grey", "rgb"]).optional().describe("What pixels become; left out: rgb if any picture has colour"),
});

const array = z.custom<NdArray>(
  (value) =>
    typeof value === "object" && value !== null && "shape" in value && ArrayBuffer.isView((value as NdArray).data),
  "expected a tensor",
);
const tensor = z.union([array, z.array(z.unknown()), z.number(), z.string(), z.boolean()]);

const list = z.custom<readonly unknown[]>((value) => Array.isArray(value), "expected an array of objects");

/** By the key that tells the form; `x` and `rows` stand beside their options, the others hold them. */
export const FORMS = {
  builtin: z.strictObject({
    builtin: z
      .union([z.string(), z.looseObject({ type: z.string() })])
      .describe("Name of a registered dataset, or its name as `type` with its options beside it"),
  }),
  csv: z.strictObject({ csv: CsvReference }),
  json: z.strictObject({ json: JsonReference }),
  ndjson: z.strictObject({ ndjson: NdjsonReference }),
  npy: z.strictObject({ npy: NpyReference }),
  idx: z.strictObject({ idx: IdxReference }),
  cifar: z.strictObject({ cifar: CifarReference }),
  images: z.strictObject({ images: ImagesReference }),
  text: z.strictObject({ text: TextReference }),
  rows: z.strictObject({ rows: list.describe("One object a row, keyed by column"), ...cells }),
  x: z.strictObject({
    x: tensor.describe("Inputs, [rows, ...shape]"),
    y: tensor.optional().describe("Targets: [rows] class numbers, values or names, or [rows, outputs]"),
    sampleWeight: tensor.optional().describe("How much each row counts in the loss and in the metrics, [rows]"),
    lengths: tensor.optional().describe("How many elements of each row's sequence count, [rows]; an input `lengths`"),
  }),
  handle: z.strictObject({ handle: z.string().describe("What `data.put` answered") }),
} as const;

export type Form = keyof typeof FORMS;

/** A data reference as a host writes it, wire tensors decoded; `loadData` checks it. */
export type DataReference = { [F in Form]: z.input<(typeof FORMS)[F]> }[Form];

export type FormOptions<F extends Form> = z.output<(typeof FORMS)[F]>;
export type CellOptions = Pick<
  FormOptions<"rows">,
  "target" | "sampleWeight" | "types" | "missing" | "dates" | "missingTarget"
>;

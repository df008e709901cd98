/** @file Schemas of data: how a host points at it, and what the sidecar says about it. */
import { z } from "zod";
import { choice, count, handle, path, wireNumber } from "./primitives.ts";
import { wireTensor } from "./tensor.ts";

const target = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const tableFile = z.looseObject({
  path: path.describe("the file's path; it must lie within the allowed roots"),
  target: target.optional().describe("the column to learn, or several; the others are inputs"),
  sampleWeight: z.string().min(1).optional().describe("the column that says how much each row counts"),
});

const paths = z.union([path, z.array(path).min(1)]);

/** Members of a data reference that each say where the data is; exactly one of them stands in a reference. */
export const DATA_FORMS = [
  "builtin",
  "csv",
  "json",
  "ndjson",
  "npy",
  "idx",
  "cifar",
  "images",
  "text",
  "x",
  "rows",
  "handle",
] as const;

export const dataForms = {
  builtin: z
    .union([z.string().min(1), choice])
    .optional()
    .describe("a data set that comes with the sidecar or a plugin: digits, iris, wine, …"),
  csv: tableFile
    .optional()
    .describe(
      "a CSV file; options: delimiter, header, quote, comment, decimal, encoding, badRows, and those of `rows`",
    ),
  json: tableFile.optional().describe("a JSON file: an array of objects"),
  ndjson: tableFile.optional().describe("a file with one JSON object a line"),
  npy: z
    .strictObject({
      x: path.describe("the file of the inputs"),
      y: path.optional().describe("the file of the targets"),
      sampleWeight: path.optional().describe("the file of what each row counts"),
    })
    .optional()
    .describe("NumPy `.npy` files"),
  idx: z
    .looseObject({ images: paths.describe("the file of the images") })
    .optional()
    .describe("MNIST and Fashion-MNIST: IDX files, gzipped or not; options: labels, classes, shape (image or flat)"),
  cifar: z
    .looseObject({ path: paths.describe("the folder, or the files") })
    .optional()
    .describe(
      "CIFAR-10 and -100, binary version; options: variant, part (train, test or all), labels (fine or coarse)",
    ),
  images: z
    .looseObject({ path: path.describe("a folder that holds a folder of PNG and JPEG files for each class") })
    .optional()
    .describe("pictures by class; options: size ([height, width]), channels (grey or rgb)"),
  text: z
    .looseObject({
      path: path.optional().describe("the file; it must lie within the allowed roots"),
      value: z.string().optional().describe("the text itself, in place of a file"),
    })
    .optional()
    .describe("one long text, for pipeline `language`; options: encoding (utf-8, latin1 or utf-16le)"),
  x: wireTensor.optional().describe("the inputs, first axis = rows; `y` goes with it"),
  y: z
    .union([wireTensor, z.array(z.unknown())])
    .optional()
    .describe("the targets, one a row: numbers, or class names as strings"),
  lengths: wireTensor
    .optional()
    .describe("beside `x`: how many elements of each row's sequence count; name it in the backbone's `lengths`"),
  rows: z
    .array(z.record(z.string(), z.unknown()))
    .optional()
    .describe("rows as objects keyed by column; `target` and the four options below go with it"),
  target: target.optional().describe("the column to learn, or several"),
  sampleWeight: z
    .union([z.string().min(1), wireTensor])
    .optional()
    .describe("how much each row counts in loss and metrics: the column's name for `rows`, a tensor beside `x`"),
  types: z
    .record(z.string(), z.enum(["number", "boolean", "date", "category", "text"]))
    .optional()
    .describe("kinds by column, where the one found is wrong"),
  missing: z.array(z.string()).optional().describe("what stands for a missing value"),
  dates: z.enum(["iso", "dmy", "mdy"]).optional().describe("the order of day, month and year in dates"),
  missingTarget: z.enum(["error", "drop"]).optional().describe("what to do with rows without a target (default error)"),
  handle: handle.optional(),
};

const exactlyOneForm: (reference: Readonly<Record<string, unknown>>) => boolean = (reference) =>
  DATA_FORMS.filter((form) => reference[form] !== undefined).length === 1;

/** Adds the rule that no schema language says well: exactly one of the forms. */
export function withOneForm<T extends z.ZodType<Record<string, unknown>>>(schema: T): T {
  return schema.refine(exactlyOneForm, {
    message: `must have exactly one of ${DATA_FORMS.join(", ")}`,
    abort: true,
  }) as T;
}

export const dataReference = withOneForm(z.strictObject(dataForms)).meta({
  id: "DataReference",
  description:
    'where data is: {"builtin":"digits"}, {"csv":{"path","target"}}, {"x","y"}, {"text"}, {"rows","target"}, {"handle"}',
});

export type DataReference = z.output<typeof dataReference>;

const columnDescription = z
  .looseObject({
    name: z.string().describe("the column's name"),
    kind: z
      .enum(["number", "boolean", "date", "category", "text", "tensor"])
      .describe("what its values were found to be"),
    shape: z.array(count).optional().describe("a row's shape, where it is a tensor"),
    missing: count.describe("rows without a value"),
    unique: count.optional().describe("how many different values"),
    min: wireNumber.optional().describe("the smallest value; of a date, days since 1970"),
    max: wireNumber.optional().describe("the largest value"),
    mean: wireNumber.optional().describe("the mean of the values there are"),
    std: wireNumber.optional().describe("their standard deviation"),
    constant: z.boolean().optional().describe("whether every row has the same value"),
    duplicateOf: z.string().optional().describe("an earlier column with the same values"),
  })
  .meta({ id: "ColumnDescription", description: "what one column holds" });

export const dataDescription = z
  .looseObject({
    name: z.string().describe("what the data is called"),
    rows: count.describe("how many rows"),
    columns: z.array(columnDescription).describe("in their order, targets included"),
    target: z.union([z.string(), z.array(z.string()), z.null()]).describe("the column or columns to learn"),
    hash: z.string().describe("the SHA-256 of the contents, for a model's provenance"),
    classes: z
      .array(z.looseObject({ name: z.string().describe("the class"), count: count.describe("its rows") }))
      .optional()
      .describe("the target's classes and how often each occurs"),
    problems: z
      .array(z.unknown())
      .optional()
      .describe("what may spoil learning: constant or duplicate columns, missing targets, rare classes"),
  })
  .meta({ id: "DataDescription", description: "types, counts, ranges and problems" });

export const confusion = z
  .looseObject({
    classes: z.array(z.string()).describe("names of rows and columns"),
    counts: z.array(z.array(count)).describe("counts[truth][prediction]"),
  })
  .meta({ id: "Confusion", description: "how often each class was taken for each other" });

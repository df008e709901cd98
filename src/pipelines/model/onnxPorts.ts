/** @file What an exported file takes and gives, under which names: a host's contract with it. */
import { openFile } from "../imported/importedFile.ts";
import { type InputColumn, soleTensor } from "../preprocess/preprocessing.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, targetType } from "../targets/index.ts";
import type { CardValue, ModelCard } from "./card.ts";
import { type FittedRecord, translates } from "./network.ts";

/** In the order of the columns, and of the results. */
export function interfaceOf(
  registry: Registry,
  record: FittedRecord,
): Pick<ModelCard, "inputs" | "outputs" | "labels"> {
  const { preprocessing, signature, target } = record;
  const sole = soleTensor(preprocessing);
  const inputs =
    sole === undefined ? preprocessing.columns.map(inputOf) : [{ ...inputOf(sole), name: soleName(record) }];
  const outputs = Object.entries(signature.results).map(
    ([name, { dtype, shape }]): CardValue => ({
      name,
      dtype: dtype === "I32" ? "I64" : dtype,
      shape: ["batch", ...shape],
      description: RESULTS[name] ?? `result \`${name}\``,
    }),
  );
  const written = translates(registry, record.spec) ? [previousValue(record)] : [];
  return { inputs: [...inputs, ...written], outputs, labels: outputNames(target) };
}

const RESULTS: Readonly<Record<string, string>> = {
  label: "index of the most likely class, into `labels`",
  probabilities: "probability of each of `labels`, in their order",
  values: "the predicted numbers, in the targets' own units, in the order of `labels`",
};

const DESCRIPTIONS: Readonly<Record<InputColumn["kind"], string>> = {
  number: "a number",
  boolean: "1 for true, 0 for false",
  date: "days since 1970-01-01 UTC, with fractions",
  category: "a string; an empty one is a missing value",
  tensor: "an array of numbers",
  tokens: "a text, a number for each character or word: its place among `categories`, counted from 1; 0 after its end",
};

function inputOf({ name, kind, shape, categories, steps, unit }: InputColumn): CardValue {
  const takesMissing = kind !== "category" && kind !== "tokens" && steps.some(({ type }) => type === "impute");
  return {
    name,
    dtype: kind === "category" ? "STRING" : "F32",
    shape: ["batch", ...(shape.length === 0 ? [1] : shape)],
    description: DESCRIPTIONS[kind] + (takesMissing ? "; NaN is a missing value" : ""),
    ...(categories === undefined ? {} : { categories }),
    ...(kind === "tokens" && { unit: unit ?? "characters" }),
  };
}

/** What a file calls its only input: as the file that the model came from does, if it came from one. */
export const soleName = ({ imported }: FittedRecord): string =>
  imported === undefined ? "inputs" : openFile(imported).opened.inputs[0]!.name;

/** Of a model that writes element by element: an input of what it has written. */
export function previousValue({ target }: Pick<FittedRecord, "target">): CardValue {
  const { shape } = targetType(target, 1);
  const start = outputNames(target).length;
  return {
    name: "previous",
    dtype: "I64",
    shape: ["batch", ...shape.slice(1)],
    description: `indices into \`labels\` of what has been written before each place; the first is ${start}`,
  };
}

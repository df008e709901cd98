/** @file Made-up rows that a model accepts, to compare two executors of it: in the range of its columns, with gaps and strangers. */
import { type NdArray, type Shape, sizeOf } from "../../engine/index.ts";
import { type FittedStep, type InputColumn, type Preprocessing, soleTensor } from "../preprocess/preprocessing.ts";
import { createRandom } from "../random.ts";
import type { Lengths } from "./foreign.ts";

/** The elements of an array, nested by its axes. */
type Nested = readonly (number | Nested)[];
export type InventedRow = Readonly<Record<string, number | string | null | Nested>>;

/** What only some numbers are for. */
interface Limits {
  /** Of a model whose tensors are tokens: they are below this. */
  readonly vocabulary?: number | undefined;
  readonly lengths?: Lengths | undefined;
}

/** How often a value is missing, where the model fills gaps; and how often a category is one that it has not seen. */
const RARELY = 0.1;

/**
 * The same rows for the same preprocessing; numbers are float32. The first row is whole.
 * @returns rows by column, or F32 [count, ...shape] for a model of one tensor.
 */
export function inventRows(preprocessing: Preprocessing, count: number, limits: Limits = {}): InventedRow[] | NdArray {
  const stream = createRandom(0, "export", "samples");
  const random = () => stream.uniform();
  const sole = soleTensor(preprocessing);
  if (sole !== undefined) {
    const width = sizeOf(sole.shape);
    const data = Float32Array.from({ length: count * width }, (_, index) =>
      elementOf(sole, index % width, random(), limits),
    );
    return { dtype: "F32", shape: [count, ...sole.shape], data };
  }
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(preprocessing.columns.map((column) => [column.name, cellOf(column, random, row > 0, limits)])),
  );
}

function cellOf(column: InputColumn, random: () => number, mayBeOdd: boolean, limits: Limits): InventedRow[string] {
  const isOdd = random() < RARELY && mayBeOdd;
  if (column.kind === "category") {
    if (isOdd) return random() < 0.5 ? null : "a category that was not in the data";
    return column.categories![Math.floor(random() * column.categories!.length)] ?? null;
  }
  if (column.kind === "tokens") {
    const length = Math.ceil(random() * column.width);
    const characters = column.categories!;
    const parts = Array.from({ length }, () => characters[Math.floor(random() * characters.length)]);
    return parts.join(column.unit === "words" ? " " : "");
  }
  if (column.kind === "boolean") return Math.floor(random() * 2);
  if (column.kind === "tensor") {
    const elements = Array.from({ length: column.width }, (_, element) => elementOf(column, element, random(), limits));
    return nest(elements, column.shape);
  }
  if (column.name === limits.lengths?.name) return 1 + Math.floor(random() * limits.lengths.longest);
  if (isOdd && column.steps.some(({ type }) => type === "impute")) return null;
  return numberOf(column, 0, random());
}

function nest(elements: readonly number[], [length = 1, ...rest]: Shape): Nested {
  if (rest.length === 0) return elements;
  const size = elements.length / length;
  return Array.from({ length }, (_, index) => nest(elements.slice(index * size, (index + 1) * size), rest));
}

/** An element of a tensor: a token, where that is what the model takes. */
function elementOf(column: InputColumn, element: number, uniform: number, { vocabulary }: Limits): number {
  return vocabulary === undefined ? numberOf(column, element, uniform) : Math.floor(uniform * vocabulary);
}

/** Two deviations around the centre that the column was standardised with, or its whole range, or −2 to 2. */
function numberOf({ steps }: InputColumn, element: number, uniform: number): number {
  const oneHot = steps.find((step) => step.type === "oneHot");
  if (oneHot !== undefined) return oneHot.values[Math.floor(uniform * oneHot.values.length)] ?? 0;
  const scaled = steps.find((step): step is Scaled => step.type === "standardise" || step.type === "minMax");
  const at = (numbers: readonly number[]): number => numbers[numbers.length === 1 ? 0 : element]!;
  const unit = scaled?.type === "minMax" ? uniform : 4 * uniform - 2;
  if (scaled === undefined) return Math.fround(unit);
  const scale = at(scaled.scale);
  return Math.fround(at(scaled.center) + (scale === 0 ? 0 : unit / scale));
}

type Scaled = Extract<FittedStep, { type: "standardise" | "minMax" }>;

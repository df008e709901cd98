/** @file Fitted preprocessing as plain JSON: the raw columns that a model takes, and the numbers of each step. */

import type { DateOrder } from "../data/cells.ts";
import type { FeaturePart } from "../registry/define.ts";

/** Numbers of a step: one for all elements of the column, or one for each. */
export type PerElement = readonly number[];

export type FittedStep =
  | { readonly type: "impute"; readonly value: PerElement }
  /** Null: no limit on that side. */
  | { readonly type: "clip"; readonly low: PerElement | null; readonly high: PerElement | null }
  /** sign(x)·ln(1 + |x|) */
  | { readonly type: "log" }
  /** (x − center) · scale: standardise. */
  | { readonly type: "standardise"; readonly center: PerElement; readonly scale: PerElement }
  /** (x − center) · scale + low: min-max. */
  | { readonly type: "minMax"; readonly center: PerElement; readonly scale: PerElement; readonly low: number }
  /** Column k is 1 where the raw value equals `values[k]` (codes 0, 1, 2 … for categories). */
  | { readonly type: "oneHot"; readonly values: readonly number[] };

/** A raw column that the model takes, in the order in which the host's values are laid out. */
export interface InputColumn {
  readonly name: string;
  readonly kind: "number" | "boolean" | "date" | "category" | "tensor" | "tokens";
  /** Of one row; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Where its values start in a raw row, and how many they are. */
  readonly offset: number;
  readonly width: number;
  /**
   * Of a category: the strings with codes 0, 1, 2 … The last one is the bucket `other` when `otherCode` says so.
   * Of a boolean: the names of false and true. Of tokens: the characters with numbers 1, 2, 3 …
   */
  readonly categories?: readonly string[];
  /** Of tokens: what each stands for, where it is not a character. */
  readonly unit?: "words";
  /** Of a category: the code of a string that is not in the list: −1 (all inputs zero) or that of the bucket `other`. */
  readonly unknownCode?: number;
  /** Of a date: how it was written in the training data. */
  readonly dateOrder?: DateOrder;
  readonly steps: readonly FittedStep[];
}

export interface Preprocessing {
  readonly columns: readonly InputColumn[];
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
  /** Numbers in a raw row: what `encodeInputs` writes and `applyPreprocessing` takes. */
  readonly rawWidth: number;
  /** Of one row after all steps: `[features]`, or the tensor's own shape when the only column is an image. */
  readonly featureShape: readonly number[];
  readonly notes: readonly string[];
  /** Of an ensemble: rows stay raw, for each member has steps of its own; those of `columns` say what a raw row may hold. */
  readonly deferred?: true;
}

/** Where each column lies in a row of features, after its steps. */
export function featureParts({ columns }: Preprocessing): FeaturePart[] {
  let offset = 0;
  return columns.map(({ name, kind, shape, width: rawWidth, steps, categories }) => {
    const last = steps.at(-1);
    const isOneHot = last?.type === "oneHot";
    const width = isOneHot ? last.values.length : rawWidth;
    const part: FeaturePart = {
      name,
      kind: isOneHot ? "category" : kind === "category" ? "number" : kind,
      shape: isOneHot ? [width] : shape,
      offset,
      width,
      ...(kind === "tokens" ? { vocabulary: (categories?.length ?? 0) + 1 } : {}),
    };
    offset += width;
    return part;
  });
}

/** The one tensor column of a model that takes nothing else, whose input is an array rather than named columns. */
export function soleTensor({ columns }: Preprocessing): InputColumn | undefined {
  return columns.length === 1 && columns[0]!.kind === "tensor" ? columns[0] : undefined;
}

/** The one text column of a model that takes nothing else: its rows may be plain strings. */
export function soleText({ columns }: Preprocessing): InputColumn | undefined {
  return columns.length === 1 && columns[0]!.kind === "tokens" ? columns[0] : undefined;
}

/** A category's code by its name. */
export function codesOf({ categories }: InputColumn): Map<string, number> {
  return new Map(categories!.map((name, code) => [name, code]));
}

/** What fitting one column leaves: its part of an `InputColumn`, and what to tell the host. */
export interface Fitted {
  readonly parts: Pick<InputColumn, "kind" | "categories" | "unit" | "unknownCode" | "dateOrder" | "steps"> &
    Partial<Pick<InputColumn, "shape" | "width">>;
  readonly notes: readonly string[];
}

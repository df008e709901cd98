/** @file What a fitted target knows, by kind: plain JSON, saved with the model. */

export interface ClassesEncoding {
  readonly kind: "classes";
  readonly columns: readonly [string];
  /** By code. Numeric classes in numeric order, others sorted as strings. */
  readonly classes: readonly string[];
}

export interface LabelsEncoding {
  readonly kind: "labels";
  readonly columns: readonly string[];
  /** `columns`: one 0/1 column for each label; `tags`: strings such as `red;round`; `tensor`: one 0/1 array a row. */
  readonly source: "columns" | "tags" | "tensor";
  readonly labels: readonly string[];
}

export interface ValuesEncoding {
  readonly kind: "values";
  readonly columns: readonly string[];
  /** Numbers per row. */
  readonly width: number;
  /** The network learns (value − center) · scale; 0 and 1 when targets are not standardised. By output. */
  readonly center: readonly number[];
  readonly scale: readonly number[];
}

export interface SequenceEncoding {
  readonly kind: "sequence";
  readonly columns: readonly [string];
  /** By code. */
  readonly classes: readonly string[];
  /** Elements of the longest row. */
  readonly length: number;
  /** The class that only fills rows up; null: none does. */
  readonly padding: string | null;
  /** The column that holds each row's length; null: none does. */
  readonly lengths: string | null;
  /** What a row is made of: an array's elements, or a text's characters or words. */
  readonly unit: "elements" | "characters" | "words";
  /** Of a sequence that is written element by element: its end is a class of its own, the last, beyond `classes`. */
  readonly ends: boolean;
}

/** The features themselves. */
export interface InputsEncoding {
  readonly kind: "inputs";
  readonly columns: readonly [];
  /** Numbers of a row of features. */
  readonly width: number;
}

/** Nothing: rows are compared with each other. */
export interface NoneEncoding {
  readonly kind: "none";
  readonly columns: readonly [];
  /** Numbers of an answer. */
  readonly width: number;
}

/** What one row of one task is: a class, labels or values. */
export type PlainEncoding = ClassesEncoding | LabelsEncoding | ValuesEncoding;

export interface TasksEncoding {
  readonly kind: "tasks";
  readonly columns: readonly string[];
  readonly tasks: Readonly<Record<string, PlainEncoding>>;
}

export type TargetEncoding = PlainEncoding | SequenceEncoding | InputsEncoding | NoneEncoding | TasksEncoding;

export type EncodingOf<Kind extends TargetEncoding["kind"]> = Extract<TargetEncoding, { kind: Kind }>;

/** The name of what ends a sequence. */
export const END = "<end>";

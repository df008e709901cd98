/** @file What there is to do with each kind of target: learn an encoding from columns, and encode rows by it. */
import type { Shape } from "../../engine/index.ts";
import type { Column, Dataset } from "../data/dataset.ts";
import type { TextUnit } from "../registry/define.ts";
import type { EncodingOf, TargetEncoding } from "./encoding.ts";

/** What the spec says about the target. */
export interface TargetOptions {
  /** Values: learn them standardised. Default true. */
  readonly standardise?: boolean;
  /** Classes or labels that the spec fixes beforehand; the data may hold no others. */
  readonly classes?: readonly string[];
  /** Sequences: the class that only fills rows up. */
  readonly padding?: string;
  /** Sequences: the column that holds each row's length. */
  readonly lengths?: string;
  /** Sequences: whether they are written element by element, until an end. */
  readonly ends?: boolean;
  /** Sequences: what the elements of a text are; characters when left out. */
  readonly text?: TextUnit;
  /** Inputs: one row of features. None: numbers of an answer. */
  readonly width?: number;
}

/** Numbers of all rows, one after the other. */
export type Encoded = Int32Array | Float32Array;

export interface Codec<Kind extends TargetEncoding["kind"]> {
  /** Whether it reads target columns; if so there is at least one, and no row lacks its target. */
  readonly reads: boolean;
  fit(columns: readonly Column[], rows: Int32Array, options: TargetOptions, dataset: Dataset): EncodingOf<Kind>;
  encode(columns: readonly Column[], rows: Int32Array, encoding: EncodingOf<Kind>, dataset: Dataset): Encoded;
  readonly dtype: "I32" | "F32";
  /** Of one row. */
  shape(encoding: EncodingOf<Kind>): Shape;
  /** What it predicts: classes, labels, or one for each output. */
  names(encoding: EncodingOf<Kind>): readonly string[];
}

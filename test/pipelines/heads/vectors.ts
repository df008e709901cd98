/** @file PyTorch's numbers for heads and for networks of sequences (`scripts/vectors/heads.py`). */
import { readFileSync } from "node:fs";
import type { TensorVector } from "../vectors.ts";

export interface HeadVectors {
  readonly values: TensorVector;
  readonly classes: readonly number[];
  readonly losses: readonly {
    readonly type: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly target: "values" | "classes" | "none";
    readonly raw: TensorVector;
    readonly loss: number;
    readonly dx: readonly number[];
  }[];
  readonly sequences: {
    readonly x: readonly [number, number, number];
    readonly lengths: readonly number[];
    readonly previous: readonly [number, number];
    readonly vocabulary: number;
    readonly networks: readonly {
      readonly backbone: { readonly type: string } & Readonly<Record<string, unknown>>;
      readonly y: TensorVector;
    }[];
  };
}

export const HEAD_VECTORS = JSON.parse(
  readFileSync(new URL("../../vectors/heads.json", import.meta.url), "utf8"),
) as HeadVectors;

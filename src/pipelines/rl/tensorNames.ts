/** @file Tensors of several parts under one roof, by dotted names, and those of one part again. */
import type { NdArray } from "../../engine/index.ts";

export type Tensors = Readonly<Record<string, NdArray>>;

export const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));

export const below = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${prefix}.`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

/**
 * @file The lowering table: for every op that is neither pointwise nor free, the instructions that compute it. An op that
 * has no entry here, none in the pointwise table, and no decomposition doesn't compile (see `compile.ts`).
 */
import type { OpName } from "../../ops/index.ts";
import * as code from "./kernels/layout.ts";
import type { Lowering } from "./lowering.ts";
import { broadcast, concat, gather, oneHot, pad, permute, scatterAdd, scatterAlong, slice } from "./movement.ts";
import { matmul } from "./product.ts";
import { extreme, reduction } from "./reduction.ts";

export const LOWERINGS = {
  matmul: (node, context) => matmul(node, context),
  sum: reduction(code.SUM),
  mean: reduction(code.SUM),
  max: reduction(code.MAX),
  min: reduction(code.MIN),
  prod: reduction(code.PRODUCT_OF),
  argMax: extreme(false),
  argMin: extreme(true),
  permute,
  broadcast,
  slice,
  pad,
  concat,
  gather,
  scatterAdd,
  scatterAlong,
  oneHot,
} satisfies Partial<Record<OpName, Lowering>>;

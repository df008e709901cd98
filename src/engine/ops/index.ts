/** @file The op table: every op by name. An op that lacks its type rule, gradient, reference, ONNX form or samples doesn't compile. */
import { activation } from "./activation.ts";
import { attention } from "./attention.ts";
import { convolution } from "./convolution.ts";
import { indexing } from "./indexing.ts";
import { lengths } from "./lengths.ts";
import { logic } from "./logic.ts";
import { lstm } from "./lstm.ts";
import { moments } from "./moments.ts";
import { movement } from "./movement.ts";
import { normalization } from "./normalization.ts";
import type { CheckedOp, Op } from "./op.ts";
import { ordering } from "./ordering.ts";
import { pointwise } from "./pointwise.ts";
import { pooling } from "./pooling.ts";
import { probability } from "./probability.ts";
import { product } from "./product.ts";
import { randomness } from "./random.ts";
import { recomputation } from "./recompute.ts";
import { reductions } from "./reduction.ts";
import { repetition } from "./repetition.ts";
import { resizing } from "./resizing.ts";
import { rowAttention } from "./rowAttention.ts";
import { scanning } from "./scan.ts";
import { slicing } from "./slicing.ts";
import { trigonometry } from "./trigonometry.ts";

export const OPS = {
  ...pointwise,
  ...trigonometry,
  ...logic,
  ...activation,
  ...reductions,
  ...movement,
  ...slicing,
  ...repetition,
  ...indexing,
  ...ordering,
  ...product,
  ...convolution,
  ...pooling,
  ...probability,
  ...moments,
  ...normalization,
  ...attention,
  ...rowAttention,
  ...resizing,
  ...lengths,
  ...scanning,
  ...lstm,
  ...randomness,
  ...recomputation,
} satisfies Record<string, CheckedOp>;

export type OpName = keyof typeof OPS;
export type AttributesOf<Name extends OpName> = Parameters<(typeof OPS)[Name]["type"]>[1];

/** The entry of a node's op; undefined for the leaves `input`, `state` and `constant`. */
export function opOf(node: { readonly op: string }): Op | undefined {
  return (OPS as Readonly<Record<string, Op>>)[node.op];
}

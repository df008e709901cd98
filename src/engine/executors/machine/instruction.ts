/** @file Instructions before they are bytes: what the lowerings give, and what plan and encoding work on. */
import type { Buffer } from "../../plan/plan.ts";
import * as code from "./kernels/layout.ts";

/** A place in a buffer; `tag` is added to the encoded address (the lowest bit marks a pointwise operand in memory). */
export interface Place {
  readonly buffer: Buffer;
  readonly offset?: number;
  readonly tag?: number;
}

export type Operand = number | Place;

/** Instructions by name, as the kernels number them. */
export const OPCODES = {
  pointwise: code.POINTWISE,
  product: code.PRODUCT,
  thinProduct: code.THIN_PRODUCT,
  reduceRows: code.REDUCE_ROWS,
  reduceColumns: code.REDUCE_COLUMNS,
  reduceIntegers: code.REDUCE_INTEGERS,
  extremePosition: code.EXTREME_POSITION,
  copy: code.COPY,
  copyStrided: code.COPY_STRIDED,
  fill: code.FILL,
  gather: code.GATHER,
  scatterAdd: code.SCATTER_ADD,
  oneHot: code.ONE_HOT,
  convolve: code.CONVOLVE,
  convolveWeights: code.CONVOLVE_WEIGHTS,
  packTaps: code.PACK_TAPS,
  planes: code.PLANES,
  maxPool: code.MAX_POOL,
  scatterAlong: code.SCATTER_ALONG,
  loop: code.LOOP,
  winograd: code.WINOGRAD,
  winogradWeights: code.WINOGRAD_WEIGHTS,
  winogradSums: code.WINOGRAD_SUMS,
  winogradGradient: code.WINOGRAD_GRADIENT,
  maxPoolGradient: code.MAX_POOL_GRADIENT,
  convert: code.CONVERT,
  attention: code.ATTENTION,
  attentionGradients: code.ATTENTION_GRADIENTS,
  lstm: code.LSTM,
  lstmGradients: code.LSTM_GRADIENTS,
  layerNorm: code.LAYER_NORM,
  layerNormGradients: code.LAYER_NORM_GRADIENTS,
  moments: code.MOMENTS,
  channelProducts: code.CHANNEL_PRODUCTS,
  winograd2: code.WINOGRAD2,
  winograd2Weights: code.WINOGRAD2_WEIGHTS,
} as const;

export type InstructionKind = keyof typeof OPCODES;

export interface Instruction {
  readonly kind: InstructionKind;
  /** For people: "product 64×128×784". */
  readonly label: string;
  /** How many parts the work can be cut into, and how many of them are worth a thread. */
  readonly units: number;
  readonly grain: number;
  readonly operands: readonly Operand[];
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  /** Estimated floating-point operations, and nanoseconds on one thread. */
  readonly flops: number;
  readonly nanoseconds: number;
  /** It writes state: from here on a run cannot be taken back. */
  readonly commits?: boolean;
}

/** Instructions that run once for each element of sequences. */
export interface Loop extends Instruction {
  readonly kind: "loop";
  readonly turns: number;
  /** From the last element to the first. */
  readonly reverse: boolean;
  /** Buffers with the home `arena` are places in `arena`; those with the home `inside` are elements of outer buffers. */
  readonly body: readonly Instruction[];
  readonly arena: Buffer;
}

export function isLoop(instruction: Instruction): instruction is Loop {
  return instruction.kind === "loop";
}

/** A float's bits, as an operand. */
export function bitsOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0]!;
}

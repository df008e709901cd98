/** @file Lowerings of attention in rows and of its gradients: how many queries stand in the scratch memory at once. */
import type { Node } from "../../graph.ts";
import { type AttentionForm, sizes } from "../../ops/rowAttention.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { bitsOf, type Operand } from "./instruction.ts";
import { ATTENTION_GROUP, SCRATCH_BYTES } from "./kernels/layout.ts";
import { kernel, type Lowering } from "./lowering.ts";

/** Fewer queries than this are not worth packing the keys for. */
const FEW = 4;
/** Scores of a block that a thread's second-level cache holds beside the operands, in elements. */
const BLOCK = 32768;
/** Of one multiplication and addition, and of all else that a score asks for, in nanoseconds. */
const MULTIPLY = 1 / 22;
const SCORE = 0.8;

const inGroups = (count: number) => Math.ceil(count / ATTENTION_GROUP) * ATTENTION_GROUP;

/**
 * The most queries, in whole groups, whose scores fit into the scratch memory; 0 where not one group does.
 * @param once elements that are packed for a head @param each elements for each query of a block
 */
function blockOf(t: number, s: number, once: number, each: number): number {
  const room = SCRATCH_BYTES / 4 - 32 - once;
  const most = Math.min(inGroups(t), room / each, Math.max(ATTENTION_GROUP, BLOCK / inGroups(s)));
  return Math.max(0, Math.floor(most / ATTENTION_GROUP)) * ATTENTION_GROUP;
}

function forwardBlock(operands: readonly Node[]): number {
  const { t, s, width, valueWidth } = sizes(operands);
  return blockOf(t, s, inGroups(s) * width + s * inGroups(valueWidth), inGroups(s));
}

function backwardBlock(operands: readonly Node[]): number {
  const { t, s, width, valueWidth } = sizes(operands);
  const once = inGroups(s) * (width + valueWidth) + s * inGroups(width);
  return blockOf(t, s, once, inGroups(width) + inGroups(valueWidth) + 2 * inGroups(s));
}

function isWorth(node: Node, operands: readonly Node[]): boolean {
  const { t } = sizes(operands);
  const { scale } = node.attributes as AttentionForm;
  return t >= FEW && scale > 0 && operands.every(({ shape }) => sizeOf(shape) > 0);
}

export const canAttend = (node: Node): boolean => isWorth(node, node.inputs) && forwardBlock(node.inputs) > 0;

export const canAttendBack = (node: Node): boolean =>
  isWorth(node, node.inputs.slice(1)) && backwardBlock(node.inputs.slice(1)) > 0;

/** Elements from one batch, head, query and key to the next, of a mask that broadcasts to all of them. */
function maskSteps(shape: Shape): number[] {
  const full = [...new Array<number>(4 - shape.length).fill(1), ...shape];
  return full.map((size, axis) => (size === 1 ? 0 : sizeOf(full.slice(axis + 1))));
}

/** How many scores a node has that are not hidden by being later than their query, about. */
function scoresOf(operands: readonly Node[], { causal }: AttentionForm): number {
  const { batch, t, s, heads } = sizes(operands);
  const visible = causal ? Math.max(0.5, 1 - t / (2 * s)) + ATTENTION_GROUP / (2 * s) : 1;
  return batch * heads * t * s * Math.min(1, visible);
}

/** The words that both kernels end with. */
function form(node: Node, operands: readonly Node[], block: number, mask: Operand): Operand[] {
  const { t, s, heads, keyHeads, width, valueWidth } = sizes(operands);
  const { scale, causal } = node.attributes as AttentionForm;
  const steps = maskSteps(operands[3]?.shape ?? []);
  return [t, s, heads, keyHeads, width, valueWidth, bitsOf(scale), Number(causal), block, mask, ...steps];
}

function labelOf(what: string, operands: readonly Node[], { causal }: AttentionForm): string {
  const { batch, t, s, heads, width } = sizes(operands);
  return `${what} ${batch * heads} of ${t}×${s}×${width}${causal ? ", causal" : ""}`;
}

export const rowAttention: Lowering = (node, { read, out, emit }) => {
  const reads = node.inputs.map(read);
  const attributes = node.attributes as AttentionForm;
  const { batch, heads, width, valueWidth } = sizes(node.inputs);
  const scores = scoresOf(node.inputs, attributes);
  const mask = reads[3] === undefined ? 0 : { buffer: reads[3] };
  const places = [...reads.slice(0, 3), out].map((buffer) => ({ buffer }));
  emit(
    kernel({
      kind: "attention",
      label: labelOf("attention", node.inputs, attributes),
      units: batch * heads,
      operands: [...places, ...form(node, node.inputs, forwardBlock(node.inputs), mask)],
      reads,
      writes: [out],
      flops: 2 * scores * (width + valueWidth),
      nanoseconds: scores * ((width + valueWidth) * MULTIPLY + SCORE),
    }),
  );
};

export const rowAttentionGradients: Lowering = (node, { read, outs, emit }) => {
  const reads = node.inputs.map(read);
  const operands = node.inputs.slice(1);
  const attributes = node.attributes as AttentionForm;
  const { batch, keyHeads, width, valueWidth } = sizes(operands);
  const scores = scoresOf(operands, attributes);
  const mask = reads[4] === undefined ? 0 : { buffer: reads[4] };
  const places = [...reads.slice(0, 4), ...outs].map((buffer) => ({ buffer }));
  emit(
    kernel({
      kind: "attentionGradients",
      label: labelOf("attention's gradients", operands, attributes),
      units: batch * keyHeads,
      operands: [...places, ...form(node, operands, backwardBlock(operands), mask)],
      reads,
      writes: outs,
      flops: 2 * scores * (3 * width + 2 * valueWidth),
      nanoseconds: scores * ((3 * width + 2 * valueWidth) * MULTIPLY + 1.5 * SCORE),
    }),
  );
};

/** @file From a traced program to instructions with places: passes, groups, order, lowering, in that order. */
import type { TypedArray } from "../../dtype.ts";
import type { Node, Traced } from "../../graph.ts";
import type { OpName } from "../../ops/index.ts";
import { reduced } from "../../passes/index.ts";
import { reachable } from "../../passes/rewrite.ts";
import { order } from "../../plan/order.ts";
import { type Buffer, type Plan, plan } from "../../plan/plan.ts";
import type { TensorType } from "../../shape.ts";
import { broadcastAccess, source } from "./access.ts";
import { canAttend, canAttendBack, rowAttention, rowAttentionGradients } from "./attention.ts";
import { chain, isChainable, isCheap } from "./chain.ts";
import { convert, isConversion } from "./conversion.ts";
import { canConvolve, conv, convTranspose, convWeights } from "./convolution.ts";
import { finished, finishedProduct } from "./finish.ts";
import { type Group, group } from "./group.ts";
import type { Instruction } from "./instruction.ts";
import { canNormalise, canNormaliseBack, layerNorm, layerNormGradients } from "./layerNorm.ts";
import { type BodyPlaces, loop } from "./loop.ts";
import { copyInstruction, type Lowered, type Lowering } from "./lowering.ts";
import { LOWERINGS } from "./lowerings.ts";
import { canTakeSteps, canTakeStepsBack, lstm, lstmGradients } from "./lstm.ts";
import { canTakeMoments, canTakeVariance, channelMoments, channelProducts, variance } from "./moments.ts";
import { POINTWISE, type PointwiseForm } from "./pointwise.ts";
import { canPool, maxPool, maxPoolGradient, maxPoolIndices } from "./pooling.ts";
import { matrixOf } from "./product.ts";
import { bytesOf, wordsOf } from "./storage.ts";

/** Ops that are not computed at all, or by chains without an entry in the pointwise table. */
type Special = "reshape" | "cast" | "uniform" | "scan" | "part" | "again";

/** Composite ops that the machine leaves to their decomposition. */
export const DECOMPOSED = [
  "stopGradient",
  "checkpoint",
  "clamp",
  "softplus",
  "logSumExp",
  "softmax",
  "logSoftmax",
  "crossEntropy",
  "flip",
  "tile",
  "padWith",
  "takeAlong",
  "gatherND",
  "scatterND",
  "cumulativeSum",
  "argSort",
  "averagePool",
  "rmsNorm",
  "batchNorm",
  "groupNorm",
  "attention",
  "rotary",
  "resize",
  "range",
  "sinusoids",
  "causalMask",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "asinh",
  "acosh",
  "atanh",
] as const satisfies readonly OpName[];

/** Lowered where the kernels have room for them, and decomposed elsewhere. */
const PARTIAL = {
  conv: { lower: conv, fits: canConvolve },
  convTranspose: { lower: convTranspose, fits: canConvolve },
  convWeights: { lower: convWeights, fits: canConvolve },
  maxPool: { lower: maxPool, fits: canPool },
  maxPoolIndices: { lower: maxPoolIndices, fits: canPool },
  maxPoolGradient: { lower: maxPoolGradient, fits: canPool },
  variance: { lower: variance, fits: canTakeVariance },
  rowAttention: { lower: rowAttention, fits: canAttend },
  rowAttentionGradients: { lower: rowAttentionGradients, fits: canAttendBack },
  lstm: { lower: lstm, fits: canTakeSteps },
  lstmGradients: { lower: lstmGradients, fits: canTakeStepsBack },
  layerNorm: { lower: layerNorm, fits: canNormalise },
  layerNormGradients: { lower: layerNormGradients, fits: canNormaliseBack },
  cast: { lower: convert, fits: isConversion },
  channelMoments: { lower: channelMoments, fits: canTakeMoments },
  channelProducts: { lower: channelProducts, fits: canTakeMoments },
} satisfies Partial<Record<OpName, PartialLowering>>;

interface PartialLowering {
  readonly lower: Lowering;
  fits(node: Node): boolean;
}

function partialLowering(op: string): PartialLowering | undefined {
  return (PARTIAL as Readonly<Record<string, PartialLowering>>)[op];
}

function loweringOf(op: string): Lowering {
  return partialLowering(op)?.lower ?? (LOWERINGS as Readonly<Record<string, Lowering>>)[op]!;
}

/** An op that is neither lowered nor decomposed is named in the compile error of this line. */
type Covered =
  | keyof typeof POINTWISE
  | keyof typeof LOWERINGS
  | keyof typeof PARTIAL
  | Special
  | (typeof DECOMPOSED)[number];
type Uncovered = Exclude<OpName, Covered>;
const everyOpIsCovered: [Uncovered] extends [never] ? true : Uncovered = true;
void everyOpIsCovered;

/** How an op is computed here, for people. */
export function wayOf(op: OpName): string {
  if (op === "cast") return "chain, or a kernel for stored dtypes";
  if (op in POINTWISE && "only" in POINTWISE[op as keyof typeof POINTWISE])
    return "chain where it fits, else decomposed";
  if (op in POINTWISE || op === "uniform") return "chain";
  if (op in LOWERINGS) return "kernel";
  if (op in PARTIAL) return "kernel where it fits, else decomposed";
  if (op === "scan") return "loop";
  return op === "reshape" || op === "part" ? "no work" : "decomposed";
}

export interface Constant {
  readonly buffer: Buffer;
  readonly type: TensorType;
  readonly value: number | TypedArray;
}

export interface Compiled {
  readonly instructions: readonly Instruction[];
  readonly plan: Plan;
  /** The program's own buffers, still without addresses. */
  readonly inputs: Readonly<Record<string, Buffer>>;
  readonly outputs: Readonly<Record<string, Buffer>>;
  readonly constants: readonly Constant[];
  readonly types: Pick<Traced, "inputs" | "outputs">;
}

/** More than any node's id. */
const LATE = 2 ** 40;

const fixedBuffer = (node: Node): Buffer => ({ bytes: bytesOf(node), address: 0, home: "fixed" });
const arenaBuffer = (elements: number): Buffer => ({ bytes: elements * 4, address: 0, home: "arena" });

/** @param states the places of states by path */
export function compile(original: Traced, states: ReadonlyMap<string, Buffer>): Compiled {
  const traced = reduced(original, (op, node) => op === "scan" || isLowered(op, node));
  const [inputs, outputs] = [mapValues(traced.inputs, fixedBuffer), mapValues(traced.outputs, fixedBuffer)];
  const constants: Constant[] = [];
  const instructions = instructionsOf(traced, { inputs, states, outputs }, constants);
  return { instructions, plan: plan(instructions), inputs, outputs, constants, types: traced };
}

function isLowered(op: string, node: Node): boolean {
  const form = (POINTWISE as Readonly<Record<string, PointwiseForm>>)[op];
  if (form !== undefined) return form.only?.(node) ?? true;
  return partialLowering(op)?.fits(node) ?? op in LOWERINGS;
}

function instructionsOf(traced: Traced, places: BodyPlaces, constants: Constant[]): Instruction[] {
  const roots = [...Object.values(traced.outputs), ...Object.values(traced.updates)].map(source);
  const computed = computedNodes(traced, roots);
  const isComputed = new Set(computed);
  const known = new Map(computed.map((node) => [node, directReads(node).filter((read) => isComputed.has(read))]));
  const producers = (node: Node) => known.get(node)!;
  const wanted = new Set(roots);
  const isWanted = (node: Node) => wanted.has(node);
  const plain = group({ nodes: computed, isPointwise: isChainable, producers, isWanted, isCheap });
  const groups = finished(plain, { producers, isWanted });
  const updated = new Set(Object.values(traced.updates).map(source));
  // What writes states goes last: nothing before it can't be taken back.
  const sequence = order(
    groups.length,
    (index) => groups[index]!.dependencies,
    (index) => groups[index]!.nodes.at(-1)!.id + (groups[index]!.nodes.some((node) => updated.has(node)) ? LATE : 0),
  ).map((index) => groups[index]!);
  return lower(traced, sequence, places, constants);
}

/** The nodes that an instruction must compute: no leaves, no reshapes, no broadcast or transpose that its readers do on their way. */
function computedNodes(traced: Traced, roots: readonly Node[]): Node[] {
  const needed = new Set<Node>();
  const wanted: Node[] = [...roots];
  for (let node = wanted.pop(); node !== undefined; node = wanted.pop()) {
    if (needed.has(node) || isLeaf(node)) continue;
    needed.add(node);
    wanted.push(...directReads(node));
  }
  return reachable(traced).filter((node) => needed.has(node));
}

function isLeaf(node: Node): boolean {
  return node.op === "input" || node.op === "state" || node.op === "constant";
}

const knownReads = new WeakMap<Node, readonly Node[]>();

/** The nodes whose memory this one's instruction reads. Asked often, of nodes that never change. */
function directReads(node: Node): readonly Node[] {
  const known = knownReads.get(node);
  if (known !== undefined) return known;
  const reads = node.inputs.map((input) => {
    const direct = source(input);
    // A transpose behind a reshape is not one of the operand's: matrixOf sees the reshape and stops there.
    if (node.op === "matmul") return source(matrixOf(input).node);
    if (direct.op === "broadcast" && isChainable(node) && node.op !== "uniform")
      return broadcastAccess(direct)?.base ?? direct;
    return direct;
  });
  knownReads.set(node, reads);
  return reads;
}

function lower(
  traced: Traced,
  sequence: readonly Group[],
  { inputs, states, outputs }: BodyPlaces,
  constants: Constant[],
): Instruction[] {
  const instructions: Instruction[] = [];
  const commits: Instruction[] = [];
  const values = new Map<Node, Buffer>();
  const results = new Map<Node, readonly Buffer[]>();
  const stateBuffers = new Set(states.values());

  for (const [name, node] of Object.entries(traced.inputs)) values.set(node, inputs[name]!);
  for (const [path, node] of Object.entries(traced.states)) values.set(node, states.get(path)!);

  function read(node: Node): Buffer {
    const at = source(node);
    const known = values.get(at);
    if (known !== undefined) return known;
    if (at.op !== "constant") throw new Error(`${at.op} (node ${at.id}) is read before it is computed`);
    const buffer = fixedBuffer(at);
    constants.push({ buffer, type: at, value: at.attributes.value as number | TypedArray });
    values.set(at, buffer);
    return buffer;
  }

  function carry(list: Int32Array): Buffer {
    const buffer: Buffer = { bytes: list.byteLength, address: 0, home: "fixed" };
    constants.push({ buffer, type: { dtype: "I32", shape: [list.length] }, value: list });
    return buffer;
  }

  const lastRead = new Map<Buffer, number>();
  sequence.forEach(({ nodes }, position) => {
    for (const node of nodes)
      for (const input of directReads(node)) if (input.op === "state") lastRead.set(values.get(input)!, position);
  });

  /** Where each computed root goes beside, or in place of, the arena. */
  const homes = new Map<Node, Buffer[]>();
  const addHome = (node: Node, buffer: Buffer) => homes.set(node, [...(homes.get(node) ?? []), buffer]);
  const copyOf = (node: Node, from: Buffer, to: Buffer, what: string) => ({
    ...copyInstruction(from, to, wordsOf(node), what),
    commits: stateBuffers.has(to),
  });
  const positions = new Map(sequence.flatMap(({ nodes }, position) => nodes.map((node) => [node, position] as const)));
  for (const [name, node] of Object.entries(traced.outputs)) {
    const at = source(node);
    if (isLeaf(at)) instructions.push(copyOf(at, read(at), outputs[name]!, `output ${name}`));
    else addHome(at, outputs[name]!);
  }
  for (const [path, node] of Object.entries(traced.updates)) {
    const at = source(node);
    const state = states.get(path)!;
    if (isLeaf(at)) {
      // Another state's value, perhaps: taken before any state changes.
      const kept = arenaBuffer(wordsOf(at));
      instructions.push(copyOf(at, read(at), kept, `keep ${path}`));
      commits.push(copyOf(at, kept, state, `update ${path}`));
      continue;
    }
    const position = positions.get(at)!;
    const isLastReader = (lastRead.get(state) ?? -1) <= position;
    const readsItself = sequence[position]!.nodes.some((reader) =>
      directReads(reader).some((input) => values.get(input) === state),
    );
    if (isLastReader && (sequence[position]!.isPointwise || !readsItself)) addHome(at, state);
    else {
      const kept = arenaBuffer(wordsOf(at));
      addHome(at, kept);
      commits.push(copyOf(at, kept, state, `update ${path}`));
    }
  }

  const readers = new Map<Node, Set<number>>();
  sequence.forEach(({ nodes }, position) => {
    for (const node of nodes) {
      for (const input of directReads(node)) readers.set(input, (readers.get(input) ?? new Set()).add(position));
    }
  });

  sequence.forEach(({ nodes, isPointwise }, position) => {
    /** All places where a node of this group is wanted; the first is where others read it. */
    const wanted = new Map<Node, Buffer[]>();
    for (const node of nodes) {
      const isReadOutside = [...(readers.get(node) ?? [])].some((reader) => reader !== position);
      const places = homes.get(node) ?? (isReadOutside || !isPointwise ? [arenaBuffer(wordsOf(node))] : []);
      wanted.set(node, places);
      if (places[0] !== undefined) values.set(node, places[0]);
    }
    if (isPointwise) {
      instructions.push(chain(nodes, { read, wanted: (node) => wanted.get(node)! }, stateBuffers));
      return;
    }
    const [first, ...following] = nodes as readonly [Node, ...Node[]];
    const node = following.at(-1) ?? first;
    if (node.op === "scan") {
      const { instructions: steps, results: parts } = loop(node, {
        read,
        temporary: arenaBuffer,
        // A loop inside a loop is written out.
        compileBody: (body, at) => instructionsOf(reduced(body, isLowered), at, constants),
      });
      instructions.push(...steps);
      results.set(node, parts);
      return;
    }
    if (node.op === "part") {
      const part = results.get(source(node.inputs[0]!))![node.attributes.index as number]!;
      values.set(node, part);
      const kept = homes.get(node) ?? [];
      instructions.push(...kept.map((home) => copyOf(node, part, home, "copy of a result")));
      return;
    }
    const [out, ...others] = (node.parts?.map((part) => arenaBuffer(wordsOf(part))) ?? wanted.get(node)!) as [
      Buffer,
      ...Buffer[],
    ];
    if (node.parts !== undefined) results.set(node, [out, ...others]);
    const context: Lowered = {
      read,
      out,
      outs: [out, ...others],
      temporary: arenaBuffer,
      constant: carry,
      emit: (instruction) => instructions.push({ ...instruction, commits: stateBuffers.has(out) }),
    };
    if (following.length > 0) finishedProduct(first, following, context);
    else loweringOf(node.op)(node, context);
    if (node.parts === undefined)
      for (const other of others) instructions.push(copyOf(node, out, other, `copy ${node.op}`));
  });
  instructions.push(...commits);
  return instructions;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

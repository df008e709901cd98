/**
 * @file Whether a program's rows are independent: whether what it gives for one row of a batch hangs on no other. Then a batch
 * may be filled up, cut into pieces, or put in another order, and each row's answer stays what it is.
 */
import type { Node, Traced } from "./graph.ts";
import { type ScanAttributes, sorted } from "./ops/body.ts";
import { type OpName, opOf } from "./ops/index.ts";
import { upstream } from "./passes/rewrite.ts";
import { type Shape, sizeOf } from "./shape.ts";

/**
 * Where a value holds the batch: along `axis`, whose element (o · batch + row) · inner + i is row's, o below `outer` and i below
 * `inner`. More than one of either comes of a reshape, as from [batch, time] to [batch · time].
 */
interface Held {
  readonly axis: number;
  readonly outer: number;
  readonly inner: number;
}

/** `null`: nothing of any row. `mixed`: rows that have met, or may have. */
type Rows = Held | null | "mixed";

interface At {
  readonly node: Node;
  readonly batch: number;
}

/** Where the output holds rows, given where the inputs do; at least one of them does, and in none they are mixed. */
type Rule = (inputs: readonly (Held | null)[], at: At) => Rows;

const sameHeld = (a: Held, b: Held): boolean => a.axis === b.axis && a.outer === b.outer && a.inner === b.inner;

/** Values that are put together element by element of the batch. */
function joined(inputs: readonly Rows[]): Rows {
  return inputs.reduce((all, next) => {
    if (all === null || next === null) return all ?? next;
    return all !== "mixed" && next !== "mixed" && sameHeld(all, next) ? all : "mixed";
  }, null);
}

/** The first input's rows stay on their axis, if `keeps` says so of it; the other inputs hold none. */
function kept(keeps: (axis: number, at: At) => boolean): Rule {
  return ([x, ...others], at) =>
    x !== null && keeps(x!.axis, at) && others.every((other) => other === null) ? x! : "mixed";
}

const numbers = ({ node }: At, name: string): readonly number[] => node.attributes[name] as readonly number[];
const input = ({ node }: At): Node => node.inputs[0]!;

/** Rows of an axis that the op works along would meet. */
const notAlong = kept((axis, { node }) => axis !== node.attributes.axis);
const before = kept((axis, { node }) => axis < (node.attributes.axis as number));
/** [batch, channels, ...size], with weights or moments. */
const ofImages = kept((axis) => axis === 0);
const untouched = kept((axis, at) => numbers(at, "before")[axis] === 0 && numbers(at, "after")[axis] === 0);
const always: Rule = (inputs) => joined(inputs);
/** What only a length decides. */
const none: Rule = () => null;

const reduced: Rule = ([x], at) => {
  const axes = numbers(at, "axes");
  if (axes.includes(x!.axis)) return "mixed";
  return at.node.attributes.keepDims ? x! : { ...x!, axis: x!.axis - axes.filter((axis) => axis < x!.axis).length };
};

/** One axis goes. */
const extreme: Rule = ([x], { node }) => {
  const axis = node.attributes.axis as number;
  if (axis === x!.axis) return "mixed";
  return axis > x!.axis ? x! : { ...x!, axis: x!.axis - 1 };
};

/** Elements keep their order, so that of the new axes one must hold all rows, with whole blocks before and after each. */
const reshaped: Rule = ([x], at) => {
  const from = input(at).shape;
  const outside = sizeOf(from.slice(0, x!.axis)) * x!.outer;
  return holding(at.node.shape, outside, at.batch);
};

function holding(shape: Shape, outside: number, batch: number): Rows {
  for (let axis = 0, ahead = 1; axis < shape.length; ahead *= shape[axis++]!) {
    if (ahead * shape[axis]! < outside * batch) continue;
    const outer = outside / ahead;
    const inner = shape[axis]! / (outer * batch);
    return Number.isInteger(outer) && Number.isInteger(inner) ? { axis, outer, inner } : "mixed";
  }
  return "mixed";
}

const sideBySide: Rule = (inputs, { node }) => {
  const all = joined(inputs);
  return all !== null && all !== "mixed" && all.axis === node.attributes.axis ? "mixed" : all;
};

const gathered: Rule = ([x, indices], at) => {
  const axis = at.node.attributes.axis as number;
  if (x === null) return { ...indices!, axis: axis + indices!.axis };
  if (indices !== null || x!.axis === axis) return "mixed";
  return x!.axis < axis ? x! : { ...x!, axis: x!.axis + at.node.inputs[1]!.shape.length - 1 };
};

/** [...batch, m, k] · [...batch, k, n]: rows among the batch's axes, or along m or n, but never along k. */
const multiplied: Rule = ([a, b], { node }) => {
  const rank = node.shape.length;
  if (b === null) return a!.axis < rank - 1 ? a! : "mixed";
  if (a === null) return b!.axis === rank - 2 ? "mixed" : b!;
  return sameHeld(a!, b!) && a!.axis < rank - 2 ? a! : "mixed";
};

/** Queries, keys, values and a mask of four axes each, the batch first. */
const attended: Rule = (inputs, { node }) =>
  inputs.every((each, index) => each === null || (each.axis === 0 && node.inputs[index]!.shape.length === 4))
    ? joined(inputs)
    : "mixed";

/** What is known of ops; of any other, rows that go in are taken to be mixed. Pointwise ones say so themselves. */
const RULES: Readonly<Partial<Record<OpName, Rule>>> = {
  stopGradient: always,
  again: always,
  checkpoint: ([end]) => end!,
  sum: reduced,
  prod: reduced,
  max: reduced,
  min: reduced,
  mean: reduced,
  variance: reduced,
  logSumExp: reduced,
  argMax: extreme,
  argMin: extreme,
  reshape: reshaped,
  permute: ([x], at) => ({ ...x!, axis: numbers(at, "axes").indexOf(x!.axis) }),
  broadcast: ([x], at) => ({ ...x!, axis: x!.axis + at.node.shape.length - input(at).shape.length }),
  slice: kept(
    (axis, at) =>
      numbers(at, "starts")[axis] === 0 &&
      numbers(at, "ends")[axis] === input(at).shape[axis] &&
      numbers(at, "steps")[axis] === 1,
  ),
  pad: untouched,
  padWith: untouched,
  concat: sideBySide,
  flip: kept((axis, at) => !numbers(at, "axes").includes(axis)),
  tile: kept((axis, at) => numbers(at, "repeats")[axis] === 1),
  gather: gathered,
  takeAlong: sideBySide,
  oneHot: always,
  cumulativeSum: notAlong,
  argSort: notAlong,
  softmax: notAlong,
  logSoftmax: notAlong,
  layerNorm: before,
  rmsNorm: before,
  batchNorm: ofImages,
  groupNorm: ofImages,
  matmul: multiplied,
  conv: ofImages,
  convTranspose: ofImages,
  maxPool: ofImages,
  maxPoolIndices: ofImages,
  averagePool: ofImages,
  resize: ofImages,
  attention: attended,
  rowAttention: attended,
  range: none,
  sinusoids: none,
  causalMask: none,
  rotary: kept((axis, at) => axis < input(at).shape.length - 2),
};

/** Where each of `outputs` holds rows. */
function follow(outputs: readonly Node[], given: ReadonlyMap<Node, Rows>, batch: number): readonly Rows[] {
  const found = new Map<Node, Rows>(given);
  const results = new Map<Node, readonly Rows[]>();
  for (const node of upstream(outputs)) {
    if (found.has(node)) continue;
    if (node.op === "part") {
      found.set(node, results.get(node.inputs[0]!)?.[node.attributes.index as number] ?? "mixed");
      continue;
    }
    const inputs = node.inputs.map((each) => found.get(each)!);
    if (node.op === "scan") results.set(node, looped(inputs, node.attributes as unknown as ScanAttributes, batch));
    if (node.op === "lstm") results.set(node, remembered(inputs));
    found.set(node, ruled(inputs, { node, batch }));
  }
  return outputs.map((output) => found.get(output)!);
}

function ruled(inputs: readonly Rows[], at: At): Rows {
  if (inputs.every((each) => each === null)) return null;
  const known = inputs.filter((each) => each !== "mixed");
  if (known.length < inputs.length) return "mixed";
  if (opOf(at.node)?.pointwise) return joined(known);
  const rule = RULES[at.node.op as OpName];
  return rule === undefined ? "mixed" : rule(known, at);
}

const whole = (axis: number): Held => ({ axis, outer: 1, inner: 1 });

/** Of `lstm`: sequences hold rows behind time, states hold them first. What is kept for gradients stands in blocks of rows. */
function remembered([x, weightIh, weightHh, bias, hidden, cell, ...marks]: readonly Rows[]): Rows[] {
  const isHeld = (rows: Rows | undefined, axis: number) => rows === null || isSame(rows!, whole(axis));
  const isApart =
    [weightIh, weightHh, bias].every((weights) => weights === null) &&
    [x, ...marks].every((sequences) => isHeld(sequences, 1)) &&
    [hidden, cell].every((state) => isHeld(state, 0));
  return isApart ? [whole(1), whole(0), whole(0), "mixed", "mixed", "mixed"] : new Array<Rows>(6).fill("mixed");
}

/** Carries take up in a turn what they are computed from, so the body is followed until none changes. */
function looped(inputs: readonly Rows[], attributes: ScanAttributes, batch: number): Rows[] {
  const { carry, over, given } = sorted(inputs, attributes);
  const elements = over.map((rows): Rows => {
    if (rows === null || rows === "mixed") return rows;
    return rows.axis === 0 ? "mixed" : { ...rows, axis: rows.axis - 1 };
  });
  const { body, carries } = attributes;
  let carried = carry;
  for (;;) {
    const own = [...carried, ...elements, ...given];
    const held = follow(body.outputs, new Map(body.inputs.map((node, index) => [node, own[index]!])), batch);
    const next = carried.map((rows, index) => joined([rows, held[index]!]));
    if (next.every((rows, index) => isSame(rows, carried[index]!)))
      return [...next, ...held.slice(carries).map(stacked)];
    carried = next;
  }
}

const isSame = (a: Rows, b: Rows): boolean =>
  a === b || (a !== null && b !== null && a !== "mixed" && b !== "mixed" && sameHeld(a, b));

const stacked = (rows: Rows): Rows => (rows === null || rows === "mixed" ? rows : { ...rows, axis: rows.axis + 1 });

/**
 * @param batch what the program was traced with; at least 2. Each input has the rows as its first axis.
 * @returns true only where it is certain: each output has the rows first, or nothing of them
 */
export function areRowsIndependent({ inputs, outputs }: Pick<Traced, "inputs" | "outputs">, batch: number): boolean {
  const first = whole(0);
  const held = follow(Object.values(outputs), new Map(Object.values(inputs).map((node) => [node, first])), batch);
  return held.every((rows) => rows === null || isSame(rows, first));
}

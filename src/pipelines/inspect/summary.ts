/** @file A model's layers in order: what comes out of each, how many numbers it learns, how much arithmetic a row costs. */
import { DTYPES, flopsOf, type Node, sizeOf } from "../../engine/index.ts";
import type { ModelRecord } from "../model/record.ts";
import { matches, matchesNothing } from "../registry/paths.ts";
import type { Registry } from "../registry/registry.ts";
import { ancestors } from "./recorder.ts";
import { type Recorded, recordNetwork, type Sizes, sizesOf } from "./traced.ts";

/** A size that grows with the batch is `batch`, or `4*batch`. */
export type SymbolicShape = readonly (number | string)[];

/** What a layer holds and does, with all layers inside it. */
export interface Amounts {
  /** Numbers that training may change, frozen ones included. */
  readonly parameters: number;
  readonly frozen: number;
  /** Numbers that belong to the model but have no gradient, such as running statistics. */
  readonly buffers: number;
  /** Of parameters and buffers. */
  readonly bytes: number;
  /** Forward, for one row; a multiplication with its addition counts two. */
  readonly flops: number;
}

export interface LayerSummary extends Amounts {
  readonly path: string;
  readonly kind: string;
  /** How many layers it is inside of. */
  readonly depth: number;
  readonly output: SymbolicShape;
}

export interface Summary {
  readonly input: SymbolicShape;
  readonly output: SymbolicShape;
  /** In the order in which they are called, each before those inside it. */
  readonly layers: readonly LayerSummary[];
  readonly totals: Amounts & { readonly trainable: number };
}

export interface SummaryOptions extends Partial<Sizes> {
  /** Path patterns of what a training is to leave as it is; left out, what it would by itself. */
  readonly freeze?: readonly string[];
}

/**
 * @throws INVALID_STATE where the shapes that go in and out are not known yet; SHAPE_MISMATCH as the network itself, with
 *   the path of the layer where they do not fit.
 */
export function summarise(registry: Registry, record: ModelRecord, options: SummaryOptions = {}): Summary {
  const sizes = sizesOf(registry, record, options);
  const { spec } = record;
  const freeze = options.freeze ?? (spec.ensemble?.combine === "stack" ? ["members"] : []);
  // What differs between a batch of two and one of three grows with the batch.
  const [two, three] = [2, 3].map((batch) => recordNetwork(registry, record, sizes, batch)) as [Recorded, Recorded];
  const [amountsOfTwo, amountsOfThree] = [two, three].map((recorded) => amountsIn(recorded, freeze));
  const ofOneRow = (from: number, to: number, toOfThree: number, fromOfThree: number): Amounts => {
    const amounts = amountsOfTwo!(from, to);
    const grown = amountsOfThree!(fromOfThree, toOfThree);
    return { ...amounts, flops: Math.round(2 * amounts.flops - grown.flops) };
  };
  const layers = two.calls.map(({ path, kind, depth, output, from, to }, index): LayerSummary => {
    const other = three.calls[index]!;
    const shape = symbolic(output.shape, other.output.shape);
    return { path, kind, depth, output: shape, ...ofOneRow(from, to, other.to, other.from) };
  });
  const totals = ofOneRow(0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0);
  refuseIdle(freeze, two);
  return {
    input: symbolic(two.features.shape, three.features.shape),
    output: symbolic(two.output.shape, three.output.shape),
    layers,
    totals: { ...totals, trainable: totals.parameters - totals.frozen },
  };
}

/** Sums over the nodes with ids in [from, to) that the output needs; leaves are nodes as well. */
function amountsIn({ output, leaves }: Recorded, freeze: readonly string[]): (from: number, to: number) => Amounts {
  const isFrozen = (path: string) => freeze.some((pattern) => matches(pattern, path));
  const nodes: Node[] = [...ancestors([output.node])];
  const flops = nodes.map((node) => ({ id: node.id, flops: flopsOf(node) })).filter((node) => node.flops > 0);
  return (from, to) => {
    const isInside = (id: number): boolean => id >= from && id < to;
    const sum = { parameters: 0, frozen: 0, buffers: 0, bytes: 0, flops: 0 };
    for (const { tensor, trainable, path, type } of leaves) {
      if (!isInside(tensor.node.id)) continue;
      const size = sizeOf(type.shape);
      sum.bytes += size * DTYPES[type.dtype].bytes;
      sum[trainable ? "parameters" : "buffers"] += size;
      if (trainable && isFrozen(path)) sum.frozen += size;
    }
    for (const node of flops) if (isInside(node.id)) sum.flops += node.flops;
    return sum;
  };
}

/** From the shapes for two rows and for three. */
function symbolic(two: readonly number[], three: readonly number[]): SymbolicShape {
  return two.map((size, axis) => {
    const growth = three[axis]! - size;
    if (growth === 0) return size;
    return growth === 1 ? "batch" : `${growth}*batch`;
  });
}

function refuseIdle(freeze: readonly string[], { leaves }: Recorded): void {
  const idle = freeze.find((pattern) => !leaves.some(({ path }) => matches(pattern, path)));
  if (idle === undefined) return;
  throw matchesNothing(
    idle,
    "freeze",
    "parameter",
    leaves.map(({ path }) => path),
  );
}

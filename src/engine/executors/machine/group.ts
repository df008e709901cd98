/**
 * @file Which nodes become one instruction. Pointwise nodes of one size join whatever group they read from or share
 * readers with, as long as no path leads out of a group and back into it; every other node stands alone.
 */
import type { Node } from "../../graph.ts";
import { sizeOf } from "../../shape.ts";

export interface Group {
  /** In the order of their ids. */
  readonly nodes: readonly Node[];
  readonly isPointwise: boolean;
  /** Positions of the groups that must run before, in the list of groups. */
  readonly dependencies: readonly number[];
}

/** A longer chain gains nothing, and its registers would outgrow the first-level cache. */
const MOST_NODES = 48;

/** A condition joins who asks, not who made what it compares: that one may be long gone, and the condition is cheap. */
const isMask = (node: Node) => node.dtype === "BOOL";

interface Draft {
  nodes: Node[];
  readonly size: number;
  readonly isPointwise: boolean;
  /** All drafts that this one depends on, through others too, as bits. */
  reach: Uint32Array;
}

export interface Grouping {
  /** Nodes that need an instruction, inputs before users. */
  readonly nodes: readonly Node[];
  isPointwise(node: Node): boolean;
  /** The nodes (of those above) that this one reads. */
  producers(node: Node): readonly Node[];
  /** Whether it must stand in memory though no other node reads it. */
  isWanted(node: Node): boolean;
  /** Whether computing it costs less than writing it. */
  isCheap(node: Node): boolean;
}

export function group(grouping: Grouping): Group[] {
  const { nodes, isPointwise, producers } = grouping;
  const words = Math.ceil(nodes.length / 32);
  const drafts: (Draft | undefined)[] = [];
  /** The same without gaps, in any order. */
  const alive: Draft[] = [];
  const draftOf = new Map<Node, number>();
  const has = (bits: Uint32Array, draft: number) => ((bits[draft >>> 5]! >>> (draft & 31)) & 1) === 1;
  const add = (bits: Uint32Array, draft: number) => {
    bits[draft >>> 5]! |= 1 << (draft & 31);
  };
  const remove = (bits: Uint32Array, draft: number) => {
    bits[draft >>> 5]! &= ~(1 << (draft & 31));
  };
  /** Adds `more`; says whether that added anything. */
  function join(bits: Uint32Array, more: Uint32Array): boolean {
    let added = 0;
    for (let word = 0; word < more.length; word++) {
      added |= more[word]! & ~bits[word]!;
      bits[word]! |= more[word]!;
    }
    return added !== 0;
  }

  /** Whether `later` reaches `earlier` through a third draft. */
  function isDetour(later: number, earlier: number): boolean {
    const { nodes: readers, reach } = drafts[later]!;
    if (!has(reach, earlier)) return false;
    return readers.some((node) =>
      producers(node).some((producer) => {
        const between = draftOf.get(producer)!;
        return between !== later && between !== earlier && has(drafts[between]!.reach, earlier);
      }),
    );
  }

  function merge(into: number, from: number): void {
    const [a, b] = [drafts[into]!, drafts[from]!];
    a.nodes.push(...b.nodes);
    for (const node of b.nodes) draftOf.set(node, into);
    drafts[from] = undefined;
    alive[alive.lastIndexOf(b)] = alive.at(-1)!;
    alive.pop();
    for (const both of [a, b]) for (const gone of [into, from]) remove(both.reach, gone);
    const grows = join(a.reach, b.reach);
    // Nothing depends on the draft that was added last, yet.
    if (!grows && from === drafts.length - 1) return;
    for (const other of alive) {
      const knowsInto = has(other.reach, into);
      if (other === a || !(knowsInto || has(other.reach, from))) continue;
      remove(other.reach, from);
      add(other.reach, into);
      if (grows || !knowsInto) join(other.reach, a.reach);
    }
  }

  function tryMerge(a: number, b: number): void {
    const [x, y] = [drafts[a]!, drafts[b]!];
    if (a === b || !x.isPointwise || !y.isPointwise || x.size !== y.size) return;
    if (x.nodes.length + y.nodes.length > MOST_NODES || isDetour(a, b) || isDetour(b, a)) return;
    merge(Math.min(a, b), Math.max(a, b));
  }

  for (const node of nodes) {
    const index = drafts.length;
    const reach = new Uint32Array(words);
    for (const producer of producers(node)) {
      const made = draftOf.get(producer)!;
      add(reach, made);
      join(reach, drafts[made]!.reach);
    }
    const draft: Draft = { nodes: [node], size: sizeOf(node.shape), isPointwise: isPointwise(node), reach };
    drafts.push(draft);
    alive.push(draft);
    draftOf.set(node, index);
    if (!isPointwise(node) || isMask(node)) continue;
    for (const producer of producers(node)) {
      tryMerge(draftOf.get(producer)!, draftOf.get(node)!);
      if (isMask(producer))
        for (const compared of producers(producer)) tryMerge(draftOf.get(compared)!, draftOf.get(node)!);
    }
  }

  sink(drafts, draftOf, grouping);
  const kept = drafts.flatMap((draft, index) => (draft === undefined ? [] : [index]));
  const positionOf = new Map(kept.map((index, position) => [index, position]));
  return kept.map((index) => {
    const draft = drafts[index]!;
    draft.nodes.sort((a, b) => a.id - b.id);
    const before = new Set(draft.nodes.flatMap((node) => producers(node).map((producer) => draftOf.get(producer)!)));
    before.delete(index);
    return {
      nodes: draft.nodes,
      isPointwise: draft.isPointwise,
      dependencies: [...before].map((other) => positionOf.get(other)!),
    };
  });
}

/**
 * A cheap node that one other group alone reads moves there where what it is made of stands in memory anyway: it is then
 * neither written nor read.
 */
function sink(drafts: readonly (Draft | undefined)[], draftOf: Map<Node, number>, grouping: Grouping): void {
  const { nodes, isPointwise, producers, isWanted, isCheap } = grouping;
  const readers = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const producer of producers(node)) {
      const known = readers.get(producer);
      if (known === undefined) readers.set(producer, [node]);
      else known.push(node);
    }
  }
  const isKept = (node: Node, group: number) =>
    isWanted(node) || (readers.get(node) ?? []).some((reader) => draftOf.get(reader) !== group);
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]!;
    const [reader, ...others] = readers.get(node) ?? [];
    if (reader === undefined || others.length > 0 || !isPointwise(node) || isWanted(node) || !isCheap(node)) continue;
    const [here, there] = [draftOf.get(node)!, draftOf.get(reader)!];
    const [from, to] = [drafts[here]!, drafts[there]!];
    const inside = producers(node).filter((producer) => draftOf.get(producer) === here);
    const isWorth = here !== there && to.isPointwise && to.size === from.size && to.nodes.length < MOST_NODES;
    if (!isWorth || inside.length === 0 || !inside.every((producer) => isKept(producer, here))) continue;
    from.nodes.splice(from.nodes.indexOf(node), 1);
    to.nodes.push(node);
    draftOf.set(node, there);
  }
}

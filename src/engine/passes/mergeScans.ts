/**
 * @file Scans of the same steps become one, which gives what any of them gives and somebody reads: a scan and the one that
 * its gradient makes to remember more of it.
 */
import type { Body, Node, Traced } from "../graph.ts";
import type { ScanAttributes } from "../ops/body.ts";
import type { Tensor } from "../tensor.ts";
import { reachable, rewrite } from "./rewrite.ts";

interface Merged {
  readonly attributes: ScanAttributes;
  /** Of each node of the body that is stacked: which result of the scan it is. */
  readonly places: ReadonlyMap<Node, number>;
}

const attributesOf = (scan: Node) => scan.attributes as ScanAttributes;

/** Scans take the same steps when they agree in all but what they stack. */
function keyOf(scan: Node, bodies: Map<Node, number>): string {
  const { body, carries, sequences, length, reverse } = attributesOf(scan);
  const numberOf = (node: Node) => {
    if (!bodies.has(node)) bodies.set(node, bodies.size);
    return bodies.get(node);
  };
  const nodes = [...body.inputs, ...body.outputs.slice(0, carries)].map(numberOf);
  return `${scan.inputs.map(({ id }) => id)};${nodes};${carries};${sequences};${length};${reverse}`;
}

export function mergeScans(traced: Traced): Traced {
  const parts = reachable(traced).filter(({ op, inputs }) => op === "part" && inputs[0]!.op === "scan");
  if (parts.length === 0) return traced;
  const bodies = new Map<Node, number>();
  const stacked = new Map<string, Set<Node>>();
  const key = new Map<Node, string>();
  for (const part of parts) {
    const scan = part.inputs[0]!;
    const { body, carries } = attributesOf(scan);
    const own = key.get(scan) ?? keyOf(scan, bodies);
    key.set(scan, own);
    const wanted = stacked.get(own) ?? new Set();
    stacked.set(own, wanted);
    const index = part.attributes.index as number;
    if (index >= carries) wanted.add(body.outputs[index]!);
  }
  const merged = new Map<string, Merged>();
  for (const [scan, own] of key) {
    if (merged.has(own)) continue;
    const { body, carries } = attributesOf(scan);
    const nodes = [...stacked.get(own)!];
    const all: Body = { inputs: body.inputs, outputs: [...body.outputs.slice(0, carries), ...nodes] };
    merged.set(own, {
      attributes: { ...attributesOf(scan), body: all },
      places: new Map(nodes.map((node, i) => [node, carries + i])),
    });
  }
  return rewrite(traced, (node, inputs): Tensor | null => {
    if (node.op !== "part" || node.inputs[0]!.op !== "scan") return null;
    const scan = node.inputs[0]!;
    const { attributes, places } = merged.get(key.get(scan)!)!;
    const index = node.attributes.index as number;
    const [first, ...others] = inputs[0].inputs as readonly [Tensor, ...Tensor[]];
    const place = index < attributes.carries ? index : places.get(attributesOf(scan).body.outputs[index]!)!;
    return first.scan(others, attributes)[place]!;
  });
}

/** @file The lowering of `scan`: its body, compiled as a program of its own, becomes the body of a loop. */
import { createGraph, type Node, type Traced } from "../../graph.ts";
import { type ScanAttributes, sorted } from "../../ops/body.ts";
import { aligned } from "../../plan/arena.ts";
import { type Buffer, plan } from "../../plan/plan.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import type { Instruction, Loop } from "./instruction.ts";
import { copyInstruction } from "./lowering.ts";
import { stridedCopy } from "./movement.ts";

/** Places of a body's leaves and results, by the names that `programOf` gives them. */
export interface BodyPlaces {
  readonly inputs: Readonly<Record<string, Buffer>>;
  readonly states: ReadonlyMap<string, Buffer>;
  readonly outputs: Readonly<Record<string, Buffer>>;
}

export interface LoopSetting {
  read(node: Node): Buffer;
  /** Working memory of the program around. */
  temporary(elements: number): Buffer;
  /** Instructions for a body; buffers that they need beside the places are in its own arena. */
  compileBody(traced: Traced, places: BodyPlaces): Instruction[];
}

/** Transposes of what is given to every step: they are the same in all, so they are made once, before. */
function transposesOf(attributes: ScanAttributes): Node[] {
  const given = new Set(sorted(attributes.body.inputs, attributes).given);
  const reached = new Set(attributes.body.outputs);
  for (const node of reached) for (const input of node.inputs) reached.add(input);
  return [...reached].filter(({ op, inputs }) => op === "permute" && given.has(inputs[0]!));
}

/** A body as a program: the carries are its states, which it updates, elements, what is given and `made` before its inputs. */
function programOf(attributes: ScanAttributes, made: readonly Node[]): Traced {
  const { body, carries } = attributes;
  const graph = createGraph();
  const own = sorted(body.inputs, attributes);
  const named = (op: string, nodes: readonly Node[], prefix: string) =>
    nodes.map((node, i): [Node, string, Node] => {
      const name = `${prefix}${i}`;
      return [node, name, graph.add(op, [], op === "state" ? { path: name } : { name }, node)];
    });
  const states = named("state", own.carry, "carry");
  const inputs = [
    ...named("input", own.over, "element"),
    ...named("input", own.given, "given"),
    ...named("input", made, "made"),
  ];
  const moved = new Map<Node, Node>([...states, ...inputs].map(([old, , leaf]) => [old, leaf]));
  const move = (node: Node): Node => {
    const known = moved.get(node) ?? graph.add(node.op, node.inputs.map(move), node.attributes, node);
    moved.set(node, known);
    return known;
  };
  const results = body.outputs.map(move);
  const byName = (list: readonly [Node, string, Node][]) =>
    Object.fromEntries(list.map(([, name, leaf]) => [name, leaf]));
  return {
    graph,
    inputs: byName(inputs),
    states: byName(states),
    outputs: Object.fromEntries(results.slice(carries).map((node, i) => [`stack${i}`, node])),
    updates: Object.fromEntries(results.slice(0, carries).map((node, i) => [`carry${i}`, node])),
  };
}

const bytesOf = ({ shape }: { readonly shape: readonly number[] }) => sizeOf(shape) * 4;

/** Instructions of a `scan` node; the buffers of its results, which nothing else writes. */
export function loop(
  node: Node,
  { read, temporary, compileBody }: LoopSetting,
): { instructions: Instruction[]; results: Buffer[] } {
  const attributes = node.attributes as ScanAttributes;
  const { body, carries, length, reverse } = attributes;
  const results = node.parts!.map(({ shape }) => temporary(sizeOf(shape)));
  const carried = results.slice(0, carries);
  const own = sorted(node.inputs, attributes);

  const begin = own.carry.map((carry, i) =>
    copyInstruction(read(carry), carried[i]!, sizeOf(carry.shape), `begin carry ${i} [${carry.shape}]`),
  );
  const element = (buffer: Buffer, bytes: number): Buffer => ({
    bytes,
    address: 0,
    home: "inside",
    inside: { buffer, step: bytes },
  });
  const whole = (buffer: Buffer): Buffer => ({ ...buffer, address: 0, home: "inside", inside: { buffer, step: 0 } });
  const sequences = own.over.map(read);
  const given = own.given.map(read);
  const stacks = body.outputs.slice(carries);
  const places = stacks.map((stack, i) => element(results[carries + i]!, bytesOf(stack)));
  // Kernels write whole vectors: an element that ends inside one is made elsewhere and copied.
  const made = stacks.map(
    (stack, i): Buffer =>
      aligned(bytesOf(stack)) === bytesOf(stack) ? places[i]! : { bytes: bytesOf(stack), address: 0, home: "arena" },
  );
  const named = (prefix: string, buffers: readonly Buffer[]) =>
    Object.fromEntries(buffers.map((buffer, i) => [`${prefix}${i}`, buffer]));
  const wanted = sorted(body.inputs, attributes);
  const transposes = transposesOf(attributes);
  const once = transposes.map(({ shape }) => temporary(sizeOf(shape)));
  const givenOf = new Map(wanted.given.map((leaf, i) => [leaf, given[i]!]));
  transposes.forEach(({ shape, attributes: { axes }, inputs: [leaf] }, i) => {
    const strides = stridesOf(leaf!.shape);
    const fromStrides = (axes as readonly number[]).map((axis) => strides[axis]!);
    begin.push(
      stridedCopy({
        label: `permute [${leaf!.shape}] once`,
        shape,
        from: givenOf.get(leaf!)!,
        fromStrides,
        to: once[i]!,
      }),
    );
  });
  const steps = compileBody(programOf(attributes, transposes), {
    inputs: {
      ...named(
        "element",
        sequences.map((buffer, i) => element(buffer, bytesOf(wanted.over[i]!))),
      ),
      ...named("given", given.map(whole)),
      ...named("made", once.map(whole)),
    },
    states: new Map(Object.entries(named("carry", carried.map(whole)))),
    outputs: named("stack", made),
  });
  made.forEach((buffer, i) => {
    if (buffer !== places[i]) steps.push(copyInstruction(buffer, places[i]!, sizeOf(stacks[i]!.shape), `stack ${i}`));
  });
  const { arenaBytes } = plan(steps);
  const arena = temporary(arenaBytes / 4);
  const turn = steps.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
  const instruction: Loop = {
    kind: "loop",
    label: `loop ${length} × ${steps.length} instructions`,
    units: 0,
    grain: 0,
    operands: [],
    reads: [...sequences, ...given, ...once, ...carried],
    writes: [...results, arena],
    flops: length * steps.reduce((sum, { flops }) => sum + flops, 0),
    nanoseconds: length * turn,
    turns: length,
    reverse,
    body: steps.map((step) => ({ ...step, commits: false })),
    arena,
  };
  return { instructions: [...begin, instruction], results };
}

/** @file What every tensor is, a place in a graph, and how an op is applied to some. */
import { type DType, isStored } from "../dtype.ts";
import { Fault } from "../fault.ts";
import type { Graph, Node } from "../graph.ts";
import { type AttributesOf, OPS, type OpName } from "../ops/index.ts";
import type { Few, Op } from "../ops/op.ts";
import { type NdArray, normalizeAxes, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** The ops that take values of dtypes that are only stored. */
const FOR_STORED: readonly OpName[] = ["cast", "checkpoint", "again"];

/** Adds an op to the graph of its inputs; its type rule decides the output. Shapes must already fit: nothing broadcasts. */
export function apply<Name extends OpName>(
  name: Name,
  inputs: readonly [Handle, ...Handle[]],
  attributes: AttributesOf<Name>,
): Tensor {
  const [first] = inputs;
  const { graph } = first;
  for (const input of inputs) {
    if (input.graph !== graph) {
      throw new Fault("INVALID_STATE", `${name}: its inputs belong to different traces`, {
        hint: "make every tensor from the tracer of the trace that uses it",
      });
    }
  }
  const nodes = inputs.map((input) => input.node);
  if (name !== "part" && nodes.some((node) => node.parts !== undefined)) {
    throw new Fault("INVALID_STATE", `${name}: an input has several results`, { hint: "choose one with .part(index)" });
  }
  const stored = nodes.find(({ dtype }) => isStored(dtype));
  if (stored !== undefined && !FOR_STORED.includes(name)) {
    throw new Fault(
      "DTYPE_UNSUPPORTED",
      `${name}: nothing is computed in ${stored.dtype}, values are only kept in it`,
      {
        hint: 'use .cast("F32") on the tensor first',
      },
    );
  }
  const entry: Op = OPS[name];
  try {
    return first.handle(graph.add(name, nodes, attributes, entry.type(nodes as unknown as Few<Node>, attributes)));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { violations, hint, cause } = error;
    throw new Fault(error.reason, `${name}: ${error.message}`, {
      violations,
      cause,
      ...(hint !== undefined && { hint }),
    });
  }
}

/** The vocabulary is in classes that extend this one, each what it says with the words of those before; `Tensor` has all. */
export abstract class Handle {
  abstract readonly graph: Graph;
  abstract readonly node: Node;

  get dtype(): DType {
    return this.node.dtype;
  }
  get shape(): Shape {
    return this.node.shape;
  }
  /** A constant on the same graph: a number is a scalar. */
  abstract constant(value: number | NdArray, dtype?: DType): Tensor;
  /** A handle on another node of this graph. */
  abstract handle(node: Node): Tensor;

  /** Any op of the table on this and `others`, which must fit as they are: nothing broadcasts. Most ops have a method, too. */
  op<Name extends OpName>(
    name: Name,
    attributes: AttributesOf<Name> = {} as AttributesOf<Name>,
    ...others: Handle[]
  ): Tensor {
    return apply(name, [this, ...others], attributes);
  }

  protected unary(name: OpName): Tensor {
    return apply(name, [this], {});
  }
  protected axis(axis: number): number {
    return normalizeAxes(axis, this.shape.length)[0]!;
  }
  /** With the whole vocabulary. */
  protected itself(): Tensor {
    return this as unknown as Tensor;
  }
}

/** @file From a function of tensors to a graph: what it reads, what it gives, what it writes back to state. */
import type { DType } from "./dtype.ts";
import { Fault } from "./fault.ts";
import { type Attributes, createGraph, type Node, type Traced } from "./graph.ts";
import { type NdArray, sameShape, showShape, type TensorType } from "./shape.ts";
import { constantOn, Tensor } from "./tensor.ts";

export interface Tracer {
  /** A value given before each run. Asked twice: the same tensor, if the type agrees. */
  input(name: string, type: TensorType): Tensor;
  /** A named value that lives between runs, and that `updates` may write. */
  state(path: string, type: TensorType): Tensor;
  /** A number is a scalar, F32 unless told. */
  constant(value: number | NdArray, dtype?: DType): Tensor;
}

export interface Built {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** By state path. */
  readonly updates?: Readonly<Record<string, Tensor>>;
}

const KNOWN: readonly DType[] = ["F32", "I32", "BOOL", "F64", "F16", "BF16"];

function nodesOf(tensors: Readonly<Record<string, Tensor>>): Record<string, Node> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { node }]) => {
      if (node.parts === undefined) return [name, node];
      throw new Fault("INVALID_STATE", `\`${name}\` has ${node.parts.length} results`, {
        hint: "choose one with .part(index)",
      });
    }),
  );
}

/**
 * Records what `build` does as a graph.
 * @throws Fault when a leaf is asked with two types, or an update has no state of its path and type.
 */
export function trace(build: (tracer: Tracer) => Built): Traced {
  const graph = createGraph();
  const inputs: Record<string, Node> = {};
  const states: Record<string, Node> = {};

  function leaf(
    kind: string,
    known: Record<string, Node>,
    name: string,
    type: TensorType,
    attributes: Attributes,
  ): Tensor {
    if (!KNOWN.includes(type.dtype)) {
      throw new Fault("DTYPE_UNSUPPORTED", `${kind} \`${name}\` is ${type.dtype}; programs know ${KNOWN.join(", ")}`, {
        hint: "convert it where it enters",
      });
    }
    const before = known[name];
    if (before !== undefined && !(before.dtype === type.dtype && sameShape(before.shape, type.shape))) {
      throw new Fault("SHAPE_MISMATCH", `${kind} \`${name}\` is asked with two types`, {
        violations: [
          {
            path: name,
            message: "differs from its first use",
            expected: `${before.dtype}${showShape(before.shape)}`,
            got: `${type.dtype}${showShape(type.shape)}`,
          },
        ],
        hint: "give the second one another name",
      });
    }
    known[name] = graph.add(kind, [], attributes, { dtype: type.dtype, shape: [...type.shape] });
    return new Tensor(graph, known[name]);
  }

  const { outputs, updates = {} } = build({
    input: (name, type) => leaf("input", inputs, name, type, { name }),
    state: (path, type) => leaf("state", states, path, type, { path }),
    constant: (value, dtype) => constantOn(graph, value, dtype),
  });

  for (const [path, value] of Object.entries(updates)) {
    const state = states[path];
    if (state !== undefined && state.dtype === value.dtype && sameShape(state.shape, value.shape)) continue;
    throw new Fault("SHAPE_MISMATCH", `the update of \`${path}\` does not fit a state of this program`, {
      violations: [
        {
          path,
          message: state === undefined ? "no such state was asked for" : "differs from its state",
          expected: state === undefined ? "a state" : `${state.dtype}${showShape(state.shape)}`,
          got: `${value.dtype}${showShape(value.shape)}`,
        },
      ],
      hint: "an update has the path, dtype and shape of a state that the same trace asked for",
    });
  }
  return { graph, inputs, states, outputs: nodesOf(outputs), updates: nodesOf(updates) };
}

/** @file The oracle: every op of a trace, one after the other, by the op table's plain loops in float64. No passes, no plan. */
import type { TypedArray } from "../../dtype.ts";
import { Fault } from "../../fault.ts";
import type { Node, Traced } from "../../graph.ts";
import type { ReferenceArray } from "../../ops/op.ts";
import { constantArray, emptyArray } from "../../ops/values.ts";
import { reachable } from "../../passes/rewrite.ts";
import { type NdArray, sameShape, showShape, sizeOf, type TensorType } from "../../shape.ts";
import type { Executor, Program, State } from "../executor.ts";
import { compute } from "./evaluate.ts";

export interface ReferenceOptions {
  /** F32 views of programs as the machine has them, `Float32Array`, rather than in full. */
  readonly views?: "F32" | "F64";
  /** Over a SharedArrayBuffer: when its first word is not zero, a run does not start. */
  readonly interrupt?: Int32Array;
}

/**
 * Float64 in and out: a program's F32 views are `Float64Array`, all others as their dtype is stored. An F32 state reads as
 * float32; one of F64, which programs cast to F32 and back, keeps all digits.
 */
export function createReference(options: ReferenceOptions = {}): Executor {
  const contents = new WeakMap<State, Map<string, ReferenceArray>>();
  return {
    name: "reference",
    createState(types) {
      const arrays = new Map(Object.entries(types).map(([path, type]) => [path, emptyArray(type)]));
      const state = createState(types, arrays);
      contents.set(state, arrays);
      return state;
    },
    compile(traced, state) {
      const arrays = contents.get(state);
      if (arrays === undefined) {
        throw new Fault("INVALID_STATE", "the state belongs to another executor", {
          hint: "create it with createState of the executor that compiles the program",
        });
      }
      return createProgram(traced, arrays, options);
    },
    close() {},
  };
}

function arrayAt(arrays: ReadonlyMap<string, ReferenceArray>, path: string, type?: TensorType): ReferenceArray {
  const array = arrays.get(path);
  if (array === undefined) {
    throw new Fault("NOT_FOUND", `there is no state \`${path}\``, { hint: "declare it in createState" });
  }
  if (type !== undefined && !sameShape(array.shape, type.shape)) {
    throw new Fault(
      "SHAPE_MISMATCH",
      `state \`${path}\` has shape ${showShape(array.shape)}, got ${showShape(type.shape)}`,
      {
        violations: [{ path, message: "shape differs", expected: showShape(array.shape), got: showShape(type.shape) }],
      },
    );
  }
  return array;
}

function createState(types: Readonly<Record<string, TensorType>>, arrays: Map<string, ReferenceArray>): State {
  return {
    types,
    read(path): NdArray {
      const { dtype, shape, data } = arrayAt(arrays, path);
      return { dtype, shape, data: dtype === "F32" ? Float32Array.from(data) : data.slice() };
    },
    write(path, value) {
      arrayAt(arrays, path, value).data.set(Array.from(value.data as ArrayLike<number>));
    },
    release: () => arrays.clear(),
  };
}

function createProgram(
  traced: Traced,
  states: ReadonlyMap<string, ReferenceArray>,
  { views: width = "F64", interrupt }: ReferenceOptions,
): Program {
  const order = reachable(traced);
  const values = new Map<Node, readonly ReferenceArray[]>();
  for (const node of [...Object.values(traced.inputs), ...order]) {
    const empty = () => (node.parts ?? [node]).map(emptyArray);
    if (!values.has(node)) values.set(node, fixed(node, states) ?? empty());
  }
  const views = (nodes: Readonly<Record<string, Node>>, view: (data: TypedArray) => TypedArray) =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, view(values.get(node)![0]!.data)]));
  const isNarrow = ({ dtype }: TensorType) => dtype === "F32" && width === "F32";
  const narrow = (nodes: Readonly<Record<string, Node>>, whole: Record<string, TypedArray>) =>
    Object.fromEntries(
      Object.entries(whole).map(([name, data]) => [
        name,
        isNarrow(nodes[name]!) ? Float32Array.from(data as Float64Array) : data,
      ]),
    );
  const given = views(traced.inputs, (data) => data);
  const inputs = narrow(traced.inputs, given);
  // Copies, since an output may be a state, which changes at the end of the run.
  const outputs = narrow(
    traced.outputs,
    views(traced.outputs, (data) => data.slice()),
  );

  return {
    inputs,
    outputs,
    run() {
      if (interrupt !== undefined && Atomics.load(interrupt, 0) !== 0) return false;
      for (const [name, view] of Object.entries(inputs)) {
        if (view !== given[name]) (given[name] as Float64Array).set(view as Float32Array);
      }
      for (const node of order) compute(node, values);
      const results = views(traced.outputs, (data) => data);
      for (const [name, view] of Object.entries(outputs)) (view as Float64Array).set(results[name] as Float64Array);
      const updates = views(traced.updates, (data) => data.slice());
      for (const [path, data] of Object.entries(updates)) arrayAt(states, path).data.set(data as Float64Array);
      return true;
    },
    explain: () =>
      order
        .map(
          ({ id, op, inputs, dtype, shape }) =>
            `%${id} = ${op}(${inputs.map((input) => `%${input.id}`)}) ${dtype}${showShape(shape)}`,
        )
        .join("\n"),
    bytes: order.reduce((sum, node) => sum + 8 * sizeOf(node.shape), 0),
    release: () => values.clear(),
  };
}

/** Where a leaf's value stands already: a state's array, or a constant. */
function fixed(node: Node, states: ReadonlyMap<string, ReferenceArray>): ReferenceArray[] | undefined {
  if (node.op === "state") return [arrayAt(states, node.attributes.path as string, node)];
  if (node.op === "constant") return [constantArray(node, node.attributes.value as number | TypedArray)];
  return undefined;
}

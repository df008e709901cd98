/** @file An ONNX file opened for computing: what it takes and gives, what becomes a weight, and the function that raises it. */
import { Fault } from "../../fault.ts";
import type { NdArray } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import type { Tracer } from "../../trace.ts";
import { describeOnnx, type OnnxDescription } from "../describe.ts";
import type { ModelProto, TensorProto } from "../schema.ts";
import { checkGraph } from "./check.ts";
import { type File, functionKey, raiseGraph } from "./raise.ts";
import { type Role, roleOf, rolesOf } from "./roles.ts";
import { readTensor } from "./tensor.ts";
import { elementType, type Value } from "./value.ts";

/** Where a raised graph gets its weights from: a state of the program under the initialiser's name. */
export type Weight = (name: string, value: NdArray, role: Role) => Tensor;

export interface OpenedOnnx extends OnnxDescription {
  /** What the file's initialisers are, by name. */
  readonly roles: ReadonlyMap<string, Role>;
  /** The value of an initialiser. @throws Fault NOT_FOUND */
  initialiser(name: string): NdArray;
  /**
   * The file's outputs, computed from tensors for its inputs.
   * @param inputs by name; shapes are fixed, and decide the file's symbolic dimensions
   * @throws Fault that names node and field where the file asks what the engine has not
   */
  raise(t: Tracer, inputs: Readonly<Record<string, Tensor>>, weight: Weight): Readonly<Record<string, Value>>;
}

/** @throws Fault DATA_INVALID for a file without a graph, or with one name for two values */
export function openModel(model: ModelProto): OpenedOnnx {
  const { graph, functions = [], opsetImport = [] } = model;
  if (graph === undefined) {
    throw new Fault("DATA_INVALID", "the file holds no graph", { hint: "is it an ONNX model?" });
  }
  checkGraph(graph);
  const initialisers = new Map<string, TensorProto>((graph.initializer ?? []).map((each) => [each.name ?? "", each]));
  const roles = rolesOf(graph);
  const opsets = new Map(opsetImport.map(({ domain = "", version = 1n }) => [domain, Number(version)]));
  const written = new Map(
    functions.map((each) => [functionKey(each.domain ?? "", each.name ?? "", each.overload), each] as const),
  );
  const initialiser = (name: string): NdArray => {
    const found = initialisers.get(name);
    if (found !== undefined) return readTensor(found).array;
    throw new Fault("NOT_FOUND", `the file has no initialiser \`${name}\``, { hint: "see the report's list" });
  };
  return {
    ...describeOnnx(model),
    roles,
    initialiser,
    raise(t, inputs, weight) {
      const start = { callers: [], written: { nodes: 0 } };
      const file: File = { opsets, functions: written, ...start, constant: (value) => t.constant(value) };
      const given = new Map<string, Value>();
      for (const { name = "", type } of graph.input ?? []) {
        const tensor = inputs[name];
        if (tensor !== undefined) given.set(name, { type: elementType(type?.tensorType?.elemType), tensor });
      }
      for (const [name, tensor] of initialisers) {
        const role = roleOf(roles, name);
        if (role === "constant") continue;
        const { type, array } = readTensor(tensor);
        given.set(name, { type, tensor: weight(name, array, role) });
      }
      const outputs = raiseGraph(graph, given, file);
      const named = (graph.output ?? []).map(({ name = "" }, index) => [name, outputs[index]!] as const);
      for (const [name, { items }] of named) if (items !== undefined) refuseList(name);
      return Object.fromEntries(named);
    },
  };
}

function refuseList(name: string): never {
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `output \`${name}\` is a list of tensors`, {
    violations: [{ path: `output.${name}`, message: "a list", expected: "a tensor" }],
    hint: "export the model with tensors as outputs",
  });
}

/** @file What an initialiser is for: a parameter that training changes, a buffer that it keeps, or a constant that decides shapes. */
import type { GraphProto, TensorProto } from "../schema.ts";
import { ELEMENT_TYPES, type ElementType } from "./value.ts";

export type Role = "parameter" | "buffer" | "constant";

/** Inputs that an operator wants to know before anything runs, and so cannot be trained, by position. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Dropout: [1, 2],
  OneHot: [1, 2],
  Pad: [1, 2, 3],
  Range: [0, 1, 2],
  Resize: [1, 2, 3],
  Upsample: [1],
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
};

/** Running statistics: they follow the data, not the gradient. */
const BUFFERS: Readonly<Record<string, readonly number[]>> = { BatchNormalization: [3, 4] };

/** A single number in an expression (√2, ε, a scale) is part of the formula, not of what was learned. */
const isFormula = ({ dims = new BigInt64Array() }: TensorProto): boolean => dims.length === 0;

const isReal = ({ dataType }: TensorProto): boolean => ELEMENT_TYPES[dataType as ElementType]?.computed === "F32";

/** By what reads it: settings and integers are constants, running statistics buffers, all other real numbers parameters. */
export function rolesOf(graph: GraphProto): Map<string, Role> {
  const settings = namesAt(graph, SETTINGS);
  const buffers = namesAt(graph, BUFFERS);
  const decide = (tensor: TensorProto): Role => {
    const name = tensor.name ?? "";
    if (!isReal(tensor) || isFormula(tensor) || settings.has(name)) return "constant";
    return buffers.has(name) ? "buffer" : "parameter";
  };
  return new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? "", decide(tensor)]));
}

export const roleOf = (roles: ReadonlyMap<string, Role>, name: string): Role => roles.get(name) ?? "constant";

function namesAt({ node = [] }: GraphProto, positions: Readonly<Record<string, readonly number[]>>): Set<string> {
  const names = node.flatMap(({ opType = "", input = [] }) =>
    (Object.hasOwn(positions, opType) ? positions[opType]! : []).flatMap((index) => input[index] ?? []),
  );
  return new Set(names);
}

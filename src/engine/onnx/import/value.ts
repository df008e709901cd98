/** @file What flows along the edges of an ONNX graph while it is raised: tensors of ours under the file's element types. */
import type { DType } from "../../dtype.ts";
import { Fault } from "../../fault.ts";
import { Tensor } from "../../tensor.ts";

/** TensorProto.DataType of all that can be raised: its name, what our programs compute it in, and the bits of an integer. */
export const ELEMENT_TYPES = {
  1: { name: "float", computed: "F32" },
  2: { name: "uint8", computed: "I32", bits: 8, signed: false },
  3: { name: "int8", computed: "I32", bits: 8, signed: true },
  4: { name: "uint16", computed: "I32", bits: 16, signed: false },
  5: { name: "int16", computed: "I32", bits: 16, signed: true },
  6: { name: "int32", computed: "I32", bits: 32, signed: true },
  7: { name: "int64", computed: "I32", bits: 64, signed: true },
  9: { name: "bool", computed: "BOOL" },
  10: { name: "float16", computed: "F32" },
  11: { name: "double", computed: "F32" },
  12: { name: "uint32", computed: "I32", bits: 32, signed: false },
  13: { name: "uint64", computed: "I32", bits: 64, signed: false },
  16: { name: "bfloat16", computed: "F32" },
} as const satisfies Record<number, ElementFacts>;

interface ElementFacts {
  readonly name: string;
  readonly computed: DType;
  readonly bits?: number;
  readonly signed?: boolean;
}

export type ElementType = keyof typeof ELEMENT_TYPES;

/** Under their names, for those who write them. */
export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;

export function factsOf(type: ElementType): ElementFacts {
  return ELEMENT_TYPES[type];
}

/** @throws Fault DTYPE_UNSUPPORTED for element types that our programs have no numbers for, such as strings */
export function elementType(dataType: number | undefined): ElementType {
  if (dataType !== undefined && dataType in ELEMENT_TYPES) return dataType as ElementType;
  throw new Fault("DTYPE_UNSUPPORTED", `ONNX element type ${dataType ?? "(none)"} has no counterpart in the engine`, {
    hint: 'run the model with `executor: "onnxruntime"`, which knows it',
  });
}

export interface Value {
  readonly type: ElementType;
  readonly tensor: Tensor;
  /** Of a list: what is in it. Its tensor then stands for nothing. */
  readonly items?: readonly Value[];
}

/** What an operator gives: a tensor goes by the first input's type if that computes in its dtype, else by the usual one. */
export type Output = Tensor | Value;

const USUAL: Readonly<Partial<Record<DType, ElementType>>> = { F32: FLOAT, I32: INT64, BOOL };

export function asValue(output: Output, like: ElementType | undefined): Value {
  if (!(output instanceof Tensor)) return output;
  const follows = like !== undefined && factsOf(like).computed === output.dtype;
  return { type: follows ? like : USUAL[output.dtype]!, tensor: output };
}

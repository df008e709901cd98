/** @file What goes in and out of an imported file, in the wire's element types. */
import { type DType, Fault, type factsOf, type OnnxValue } from "../../engine/index.ts";

type ElementType = Parameters<typeof factsOf>[0];

/** @throws Fault DTYPE_UNSUPPORTED for what is no tensor of numbers */
export function elementTypeOf(name: string, elemType: number): ElementType {
  if (WIRE[elemType as ElementType] !== undefined) return elemType as ElementType;
  throw new Fault("DTYPE_UNSUPPORTED", `\`${name}\` has ONNX element type ${elemType}, which the engine has not`, {
    hint: 'run the model with `executor: "onnxruntime"`',
  });
}

/** Under safetensors names; unsigned types that these lack travel as wider ones. */
const WIRE: Readonly<Record<ElementType, DType>> = {
  1: "F32",
  2: "U8",
  3: "I8",
  4: "I32",
  5: "I16",
  6: "I32",
  7: "I64",
  9: "BOOL",
  10: "F32",
  11: "F32",
  12: "I64",
  13: "I64",
  16: "F32",
};

export const wireDType = (elemType: number): DType | "STRING" =>
  elemType === 8 ? "STRING" : (WIRE[elemType as ElementType] ?? "F32");

export interface Port {
  readonly name: string;
  readonly dtype: DType | "STRING";
  /** A name stands for a size that is open. */
  readonly shape: readonly (number | string)[];
}

export const portOf = ({ name, elemType, shape }: OnnxValue): Port => ({
  name,
  dtype: wireDType(elemType),
  shape: shape ?? [],
});

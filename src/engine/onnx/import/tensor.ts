/** @file Tensors of a file as our programs hold them: 32-bit floats, 32-bit integers, booleans. */
import { fromBF16, fromF16 } from "../../half.ts";
import { type NdArray, sizeOf } from "../../shape.ts";
import type { TensorProto } from "../schema.ts";
import { ndArrayOf } from "../tensors.ts";
import { type ElementType, elementType, factsOf } from "./value.ts";

export interface Read {
  readonly type: ElementType;
  /** F32 (float64 keeps its digits until it enters a program), I32 or BOOL. */
  readonly array: NdArray;
}

/** Unsigned integers that safetensors has no names for lie in the file as these do. */
const LIES_AS: Readonly<Record<number, number>> = { 4: 5, 12: 6, 13: 7 };

/** The bits of a type that lies in the file as another, as numbers. */
const NUMBERS: Readonly<Partial<Record<ElementType, (value: number | bigint) => number>>> = {
  4: (value) => Number(value) & 0xffff,
  7: Number,
  10: (value) => fromF16(Number(value)),
  12: (value) => Number(value) >>> 0,
  13: (value) => Number(BigInt.asUintN(64, BigInt(value))),
  16: (value) => fromBF16(Number(value)),
};

const LARGEST = 2 ** 31 - 1;
/** Integers beyond 32 bits stop at the range: they say "to the end". */
const limited = (value: number): number => Math.max(-LARGEST - 1, Math.min(LARGEST, value));

/** @throws Fault DTYPE_UNSUPPORTED, DATA_INVALID */
export function readTensor(tensor: TensorProto): Read {
  const type = elementType(tensor.dataType);
  const raw = ndArrayOf(LIES_AS[type] === undefined ? tensor : lying(tensor, LIES_AS[type]));
  const numberOf = NUMBERS[type];
  if (numberOf === undefined) return { type, array: raw };
  const values = raw.data as Int32Array;
  if (factsOf(type).computed === "F32") {
    return { type, array: { dtype: "F32", shape: raw.shape, data: Float32Array.from(values, numberOf) } };
  }
  const data = Int32Array.from({ length: sizeOf(raw.shape) }, (_, i) => limited(numberOf(values[i]!)));
  return { type, array: { dtype: "I32", shape: raw.shape, data } };
}

/** Typed fields of unsigned numbers are those of 64 bits. */
function lying(tensor: TensorProto, dataType: number): TensorProto {
  const { uint64Data, ...rest } = tensor;
  if (uint64Data === undefined || tensor.rawData !== undefined) return { ...rest, dataType };
  const signed = BigInt64Array.from(uint64Data, (value) => BigInt.asIntN(64, value));
  return dataType === 7
    ? { ...rest, dataType, int64Data: signed }
    : { ...rest, dataType, int32Data: Int32Array.from(signed, (value) => Number(BigInt.asIntN(32, value))) };
}

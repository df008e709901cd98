/** @file Weights as a file stores them: in the precision that it had them in. */
import { type NdArray, toBF16, toF16 } from "../../engine/index.ts";

/** @param dataType TensorProto.DataType of the tensor that is replaced */
export function toStored(value: NdArray, dataType: number | undefined): NdArray {
  const { shape, data } = value;
  const numbers = data as Float32Array;
  if (dataType === 10) return { dtype: "F16", shape, data: Uint16Array.from(numbers, toF16) };
  if (dataType === 16) return { dtype: "BF16", shape, data: Uint16Array.from(numbers, toBF16) };
  if (dataType === 11) return { dtype: "F64", shape, data: Float64Array.from(numbers) };
  return value;
}

/** @file Tensors in ONNX files to values on the host and back; element types under their two names. */
import { DTYPES, type DType, type TypedArray } from "../dtype.ts";
import { Fault } from "../fault.ts";
import { type NdArray, type Shape, sizeOf } from "../shape.ts";
import type { TensorProto, TypeProto, ValueInfoProto } from "./schema.ts";

/** TensorProto.DataType of each of our dtypes. */
export const ONNX_DTYPES = {
  F32: 1,
  U8: 2,
  I8: 3,
  I16: 5,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F16: 10,
  F64: 11,
  BF16: 16,
} as const satisfies Record<DType, number>;

/** TensorProto.DataType of strings, which no tensor of ours holds. */
export const ONNX_STRING = 8;

/** Our name for a TensorProto.DataType. @throws Fault DTYPE_UNSUPPORTED for the types that we have not. */
export function dtypeOf(dataType: number | undefined): DType {
  const found = Object.entries(ONNX_DTYPES).find(([, number]) => number === dataType);
  if (found !== undefined) return found[0] as DType;
  throw new Fault("DTYPE_UNSUPPORTED", `ONNX element type ${dataType ?? "(none)"} is not supported`, {
    hint: `supported are ${Object.entries(ONNX_DTYPES)
      .map(([name, number]) => `${name} (${number})`)
      .join(", ")}`,
  });
}

/** The value as raw little-endian bytes under a name: a view on them, not a copy, since models may be large. */
export function tensorProtoOf(name: string, { dtype, shape, data }: NdArray): TensorProto {
  const stored = data instanceof DTYPES[dtype].array ? data : convert(data, dtype);
  return {
    dims: BigInt64Array.from(shape, BigInt),
    dataType: ONNX_DTYPES[dtype],
    name,
    rawData: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength),
  };
}

/** Programs hold BOOL as 32-bit integers; files hold it as bytes. */
function convert(data: TypedArray, dtype: DType): TypedArray {
  const result = new DTYPES[dtype].array(data.length);
  for (let index = 0; index < data.length; index++) result[index] = data[index]!;
  return result;
}

/** Which typed field holds the elements when there are no raw bytes. */
const TYPED_FIELDS = {
  F32: "floatData",
  F64: "doubleData",
  I64: "int64Data",
  I32: "int32Data",
  I16: "int32Data",
  I8: "int32Data",
  U8: "int32Data",
  BOOL: "int32Data",
  F16: "int32Data",
  BF16: "int32Data",
} as const satisfies Record<DType, keyof TensorProto>;

/** @throws Fault DATA_INVALID where sizes don't agree, or the data stand in another file. */
export function ndArrayOf(tensor: TensorProto): NdArray {
  const dtype = dtypeOf(tensor.dataType);
  const shape = Array.from(tensor.dims ?? [], Number);
  const name = tensor.name ?? "(unnamed)";
  if (tensor.dataLocation === 1) {
    throw new Fault("DATA_INVALID", `tensor \`${name}\` keeps its data in another file`, {
      hint: "save the model with its weights inside the file",
    });
  }
  const { array, bytes } = DTYPES[dtype];
  const size = sizeOf(shape);
  if (tensor.rawData !== undefined) {
    expectSize(name, shape, size * bytes, tensor.rawData.byteLength, "bytes");
    return { dtype, shape, data: new array(Uint8Array.from(tensor.rawData).buffer) };
  }
  const typed = tensor[TYPED_FIELDS[dtype]] ?? new Int32Array();
  expectSize(name, shape, size, typed.length, "elements");
  const data = new array(size);
  for (let index = 0; index < size; index++) data[index] = typed[index]!;
  return { dtype, shape, data };
}

function expectSize(name: string, shape: Shape, expected: number, got: number, unit: string): void {
  if (expected === got) return;
  const message = `tensor \`${name}\` of shape [${shape.join(", ")}] has the wrong number of ${unit}`;
  throw new Fault("DATA_INVALID", message, {
    violations: [{ path: name, message, expected: String(expected), got: String(got) }],
    hint: "the file is damaged, or the program that wrote it is wrong",
  });
}

/** A dimension: a size, or the name of a symbolic one. */
export type Dimension = number | string;

/** The type of a graph's input or output. */
export function valueInfoOf(name: string, elemType: number, dimensions: readonly Dimension[]): ValueInfoProto {
  const dim = dimensions.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: BigInt(size) }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** The dimensions that a type declares; "?" where it leaves one open, undefined where it says nothing of the shape. */
export function dimensionsOf(type: TypeProto | undefined): Dimension[] | undefined {
  return type?.tensorType?.shape === undefined
    ? undefined
    : (type.tensorType.shape.dim ?? []).map(({ dimValue, dimParam }) =>
        dimValue !== undefined ? Number(dimValue) : dimParam || "?",
      );
}

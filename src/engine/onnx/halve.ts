/**
 * @file A model with its weights in 16 bits: half the file. Each is cast back to 32 bits where it is read, so that what goes
 * in and out, and all arithmetic, stays as it was, and any runtime runs it.
 */
import { toF16 } from "../half.ts";
import type { ModelProto, NodeProto, TensorProto } from "./schema.ts";
import { ONNX_DTYPES } from "./tensors.ts";

/** Of F16. */
const LARGEST = 65_504;

/**
 * Matrices and kernels become F16. Vectors (biases, statistics, scales) are few bytes and may be tiny numbers; they stay, as
 * does a matrix with numbers that F16 has not.
 */
export function halved(model: ModelProto): ModelProto {
  const casts: NodeProto[] = [];
  const initializer = (model.graph?.initializer ?? []).map((tensor): TensorProto => {
    const values = realsOf(tensor);
    const { name = "" } = tensor;
    if (values === null || name.startsWith("/") || (tensor.dims?.length ?? 0) < 2) return tensor;
    if (values.some((value) => !(Math.abs(value) <= LARGEST))) return tensor;
    const stored = `${name}.f16`;
    casts.push({
      input: [stored],
      output: [name],
      name: `/${name}/Cast`,
      opType: "Cast",
      attribute: [{ name: "to", i: BigInt(ONNX_DTYPES.F32), type: 2 }],
    });
    const bits = Uint16Array.from(values, toF16);
    return { ...tensor, name: stored, dataType: ONNX_DTYPES.F16, rawData: new Uint8Array(bits.buffer) };
  });
  return { ...model, graph: { ...model.graph, node: [...casts, ...(model.graph?.node ?? [])], initializer } };
}

function realsOf({ dataType, rawData }: TensorProto): Float32Array | null {
  if (dataType !== ONNX_DTYPES.F32 || rawData === undefined) return null;
  return new Float32Array(rawData.buffer, rawData.byteOffset, rawData.byteLength / 4);
}

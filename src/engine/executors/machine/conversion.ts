/** @file The lowering of `cast` where it leads from or to a dtype that values are only stored in. */
import { type DType, isStored } from "../../dtype.ts";
import type { Node } from "../../graph.ts";
import { sizeOf } from "../../shape.ts";
import * as code from "./kernels/layout.ts";
import { kernel, type Lowered } from "./lowering.ts";

const FROM: Partial<Record<DType, number>> = { F16: code.FROM_F16, BF16: code.FROM_BF16, F64: code.FROM_F64 };
const TO: Partial<Record<DType, number>> = { F16: code.TO_F16, BF16: code.TO_BF16, F64: code.TO_F64 };

/** Whether a `cast` changes how many bits an element takes. */
export function isConversion({ dtype, inputs }: Node): boolean {
  return isStored(dtype) || isStored(inputs[0]!.dtype);
}

export function convert(node: Node, { read, out, emit }: Lowered): void {
  const [input] = node.inputs as readonly [Node];
  const from = read(input);
  const elements = sizeOf(node.shape);
  emit(
    kernel({
      kind: "convert",
      label: `${input.dtype} → ${node.dtype} ×${elements}`,
      units: Math.ceil(elements / code.CHUNK),
      operands: [{ buffer: from }, { buffer: out }, elements, (FROM[input.dtype] ?? TO[node.dtype])!],
      reads: [from],
      writes: [out],
      nanoseconds: elements * 0.3,
    }),
  );
}

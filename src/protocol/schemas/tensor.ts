/** @file The schema of a tensor on the wire. Its bytes and counts are checked by `protocol/tensor.ts`, which decodes it. */
import { z } from "zod";
import { count, path } from "./primitives.ts";

/** Bytes an element, under the safetensors names. */
export const WIRE_DTYPES = { F32: 4, F64: 8, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
export type WireDType = keyof typeof WIRE_DTYPES;

const wireDType = z.enum(Object.keys(WIRE_DTYPES) as [WireDType, ...WireDType[]]).describe("the element type");

const fileRegion = z.strictObject({
  path: path.describe("the file's path; it must lie within the allowed roots"),
  offset: count.optional().describe("where the tensor starts, in bytes (default 0)"),
  nbytes: count.optional().describe("how many bytes it takes; checked against shape and dtype"),
});

export const tensorObject = z
  .strictObject({
    dtype: wireDType,
    shape: z.array(count).max(32).describe("sizes by axis, outermost first; [] is a scalar"),
    values: z
      .array(z.unknown())
      .optional()
      .describe(
        'numbers in C order, nested or flat; "NaN", "Infinity", "-Infinity" and decimal strings where JSON has no number',
      ),
    b64: z.string().optional().describe("the little-endian bytes in C order, in standard base64 with padding"),
    file: fileRegion.optional().describe("a region of a file with the little-endian bytes in C order"),
    handle: z.string().min(1).optional().describe("a tensor that the sidecar already holds"),
  })
  .meta({ id: "Tensor", description: "a tensor: dtype, shape, and exactly one of values, b64, file, handle" });

/** Where a tensor is expected: the full form, or bare nested arrays of numbers. */
export const wireTensor = z
  .union([tensorObject, z.array(z.unknown()), z.number()])
  .meta({ id: "TensorLike", description: "a tensor, or bare nested arrays of numbers (F32)" });

export type FileRegion = z.output<typeof fileRegion>;
export type WireTensorObject = z.output<typeof tensorObject>;
export type WireTensor = z.output<typeof wireTensor>;

/** An answer too long for one line, written to a file. */
export const spill = z
  .strictObject({
    $spill: z
      .strictObject({
        path: path.describe("the file; it lives as long as the sidecar"),
        bytes: count.describe("its size in bytes"),
        sha256: z.string().describe("its SHA-256, hexadecimal"),
        format: z.enum(["json", "raw"]).describe("what the file holds: the answer's JSON, or a tensor's bytes"),
      })
      .describe("where the answer is"),
  })
  .meta({ id: "Spill", description: "stands for an answer that would be longer than `limits.maxLineBytes`" });

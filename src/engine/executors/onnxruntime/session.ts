/** @file An ONNX model opened in onnxruntime: named tensors in, named tensors out. */
import type { InferenceSession, Tensor as OnnxruntimeTensor } from "onnxruntime-node";
import { DTYPES, type DType, type TypedArray } from "../../dtype.ts";
import { Fault } from "../../fault.ts";
import type { NdArray, Shape } from "../../shape.ts";
import { loadOnnxruntime } from "./find.ts";

/** Strings, which only the first nodes of a file with preprocessing take. */
export interface StringArray {
  readonly dtype: "STRING";
  readonly shape: Shape;
  readonly data: readonly string[];
}

export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * One run. It blocks the thread while it computes; don't end the thread before it has settled.
   * @throws Fault DATA_INVALID where onnxruntime refuses the inputs.
   */
  run(inputs: Readonly<Record<string, NdArray | StringArray>>): Promise<Record<string, NdArray | StringArray>>;
  close(): Promise<void>;
}

/** The names that onnxruntime gives element types. BF16 does not cross its boundary. */
const TYPE_NAMES = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
  STRING: "string",
} as const satisfies Partial<Record<DType | "STRING", string>>;

/** How sessions are opened. */
export const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  logSeverityLevel: 3, // errors only: the library prints by itself
  extra: { session: { intra_op: { allow_spinning: "0" } } }, // idle threads sleep instead of burning a core
});

/**
 * @param model a file's path, or its bytes
 * @throws Fault NOT_FOUND where onnxruntime is missing, ONNX_OPERATOR_UNSUPPORTED where it does not take the model.
 */
export async function openOnnx(model: string | Uint8Array, { threads = 1 } = {}): Promise<OnnxSession> {
  const { InferenceSession, Tensor } = await loadOnnxruntime();
  const options = sessionOptions(threads);
  const session = await (typeof model === "string"
    ? InferenceSession.create(model, options)
    : InferenceSession.create(model, options)
  ).catch((cause: Error) => {
    throw refusedModel(cause);
  });
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      const feeds: Record<string, OnnxruntimeTensor> = {};
      for (const [name, input] of Object.entries(inputs)) {
        const { type, data, dims } = feedOf(input);
        feeds[name] = new Tensor(type as "string", data as string[], dims);
      }
      const results = await session.run(feeds).catch((cause: Error) => {
        throw refusedInputs(cause, session.inputNames);
      });
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, arrayOf(name, tensor)]));
    },
    close: () => session.release(),
  };
}

export function refusedModel(cause: Error): Fault {
  return new Fault("ONNX_OPERATOR_UNSUPPORTED", `onnxruntime does not take this model: ${cause.message}`, {
    hint: "it must be a valid ONNX file with IR version up to 13 and opset up to 26",
    cause,
  });
}

export function refusedInputs(cause: Error, inputNames: readonly string[]): Fault {
  return new Fault("DATA_INVALID", `onnxruntime refused the inputs: ${cause.message}`, {
    hint: `the model takes ${inputNames.join(", ")}`,
    cause,
  });
}

/** A tensor of onnxruntime's without its class. */
export interface PlainTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** @throws Fault DTYPE_UNSUPPORTED */
export function feedOf({ dtype, shape, data }: NdArray | StringArray): PlainTensor {
  if (!Object.hasOwn(TYPE_NAMES, dtype)) {
    throw new Fault("DTYPE_UNSUPPORTED", `onnxruntime takes no ${dtype}`, { hint: "convert the input to F32" });
  }
  return { type: TYPE_NAMES[dtype as keyof typeof TYPE_NAMES], data: storable(dtype, data), dims: [...shape] };
}

/** What onnxruntime takes: an array of the dtype's own type, on a buffer that is not shared. */
function storable(dtype: DType | "STRING", data: TypedArray | readonly string[]): unknown {
  if (dtype === "STRING" || !ArrayBuffer.isView(data)) return data;
  if (!(data instanceof DTYPES[dtype].array))
    return (DTYPES[dtype].array as Float32ArrayConstructor).from(data as Float32Array);
  return data.buffer instanceof SharedArrayBuffer ? data.slice() : data;
}

export function arrayOf(name: string, tensor: PlainTensor): NdArray | StringArray {
  const dtype = (Object.keys(TYPE_NAMES) as (keyof typeof TYPE_NAMES)[]).find((key) => TYPE_NAMES[key] === tensor.type);
  if (dtype === undefined) {
    throw new Fault("DTYPE_UNSUPPORTED", `output \`${name}\` is ${tensor.type}`, {
      hint: `outputs may be ${Object.values(TYPE_NAMES).join(", ")}`,
    });
  }
  return { dtype, shape: tensor.dims, data: tensor.data } as NdArray | StringArray;
}

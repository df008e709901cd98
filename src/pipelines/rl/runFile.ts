/** @file A run's state as one safetensors file: every typed array a tensor of bytes, everything else JSON in its metadata. */
import { Fault } from "../../engine/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../files/safetensors.ts";

const ARRAYS = {
  Float32Array,
  Float64Array,
  Int32Array,
  Uint32Array,
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
} as const;
type ArrayName = keyof typeof ARRAYS;
const ARRAY = "$array";
const NUMBER = "$number";

/** Plain JSON with typed arrays anywhere in it. */
export function encodeRun(state: unknown): Buffer {
  const tensors: Parameters<typeof encodeSafetensors>[0] = {};
  const writable = tensors as Record<string, unknown>;
  const pack = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) {
      const name = `array.${Object.keys(tensors).length}`;
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
      writable[name] = { dtype: "U8", shape: [bytes.length], data: bytes };
      return { [ARRAY]: value.constructor.name, name };
    }
    if (Array.isArray(value)) return value.map(pack);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pack(inner)]));
    }
    const isLost = typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0));
    return isLost ? { [NUMBER]: Object.is(value, -0) ? "-0" : String(value) } : value;
  };
  const json = JSON.stringify(pack(state));
  return encodeSafetensors(tensors, { run: json });
}

/** @throws CHECKPOINT_CORRUPT that says what is wrong */
export function decodeRun(bytes: Uint8Array, source: string): unknown {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  const corrupt = (problem: string, cause?: unknown): Fault =>
    new Fault("CHECKPOINT_CORRUPT", `\`${source}\` is not a run's checkpoint: ${problem}`, {
      violations: [{ path: source, message: problem }],
      hint: "it cannot be resumed; start a new run with `rl.create`",
      cause,
    });
  const unpack = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unpack);
    if (typeof value !== "object" || value === null) return value;
    const { [ARRAY]: kind, [NUMBER]: number, name } = value as Record<string, unknown>;
    if (typeof number === "string") return Number(number);
    if (kind === undefined)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
    const tensor = tensors[String(name)];
    const View = Object.hasOwn(ARRAYS, String(kind)) ? ARRAYS[kind as ArrayName] : undefined;
    if (tensor === undefined || View === undefined) throw corrupt(`array \`${String(name)}\` is missing`);
    const { buffer } = Uint8Array.from(tensor.data as Uint8Array);
    return new View(buffer);
  };
  if (metadata.run === undefined) throw corrupt("`run` is missing in its metadata");
  try {
    return unpack(JSON.parse(metadata.run));
  } catch (cause) {
    throw cause instanceof Fault ? cause : corrupt((cause as Error).message, cause);
  }
}

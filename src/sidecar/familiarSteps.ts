/**
 * @file Steps that look like one before: a client writes them alike, but for their ids and the bytes of their tensors. A step that was
 * read in full says where those stand, and a line that is the same everywhere else need not be read again.
 */
import { decodeTensor, type TensorValue } from "../protocol/tensor.ts";

type Params = Readonly<Record<string, unknown>>;

export interface FamiliarSteps {
  /** What such a line says, its tensors in memory that the next one takes over; null for a line that looks like none before. */
  read(text: string, id: number | string): Params | null;
  /** Remembers how a line looked. @param params as they were read: tensors as they stand there */
  note(text: string, id: number | string, params: Params): void;
}

/** A tensor's bytes in a line, and where they go. */
interface Hole {
  /** What stands before. */
  readonly before: string;
  readonly length: number;
  /** Where `=` fills up, −1 where it need not. */
  readonly filled: number;
  readonly bytes: Buffer;
  readonly flags: Uint8Array | null;
}

interface Look {
  readonly holes: readonly Hole[];
  readonly after: string;
  readonly params: Params;
}

const HEAD = '{"jsonrpc":"2.0","id":';
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** As many groups a run has, times two: with and without last observations. Others are read as they come. */
const MOST_LOOKS = 16;

const isTensor = (value: unknown): value is { readonly dtype: TensorValue["dtype"]; readonly b64: string } =>
  typeof value === "object" && value !== null && Object.hasOwn(value, "b64");

/** Of members that stand twice the last one counts, whatever stands between name and colon: lines that have such are read in full. */
const standsOnce = (text: string, name: string): boolean => text.indexOf(`"${name}"`) === text.lastIndexOf(`"${name}"`);

/** @returns null where a tensor is written otherwise than as base64, or with escapes */
function lookOf(text: string, id: number | string, params: Params): Look | null {
  const start = HEAD + id;
  if (typeof id !== "number" || !text.startsWith(start) || !standsOnce(text, "id") || text.includes("\\")) return null;
  const holes: Hole[] = [];
  const read: Record<string, unknown> = {};
  let at = start.length;
  for (const [name, value] of Object.entries(params)) {
    read[name] = value;
    if (typeof value !== "object") continue;
    if (!isTensor(value) || !standsOnce(text, name)) return null;
    const from = text.indexOf('"b64":"', text.indexOf(`"${name}":`, at)) + 7;
    const to = from + value.b64.length;
    if (from < at || text.slice(from, to) !== value.b64 || text[to] !== '"') return null;
    const tensor = decodeTensor(value, { path: name });
    const { data } = tensor;
    const bytes = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    const flags = tensor.dtype === "BOOL" ? (data as Uint8Array) : null;
    holes.push({ before: text.slice(at, from), length: to - from, filled: value.b64.indexOf("="), bytes, flags });
    read[name] = tensor;
    at = to;
  }
  const isWhole = text.split('"b64"').length === holes.length + 1;
  return isWhole ? { holes, after: text.slice(at), params: read } : null;
}

/** @returns whether the line looks so; its tensors are then in the look's memory */
function fits({ holes, after }: Look, text: string, from: number): boolean {
  let at = from;
  for (const { before, length } of holes) {
    if (!text.startsWith(before, at)) return false;
    at += before.length + length;
  }
  if (text.length !== at + after.length || !text.endsWith(after)) return false;
  at = from;
  for (const { before, length, filled, bytes, flags } of holes) {
    at += before.length;
    const base64 = text.slice(at, at + length);
    if (base64.indexOf("=") !== filled || !BASE64.test(base64)) return false;
    bytes.write(base64, "base64");
    if (flags !== null) for (let index = 0; index < flags.length; index++) flags[index] = flags[index] === 0 ? 0 : 1;
    at += length;
  }
  return true;
}

export function createFamiliarSteps(): FamiliarSteps {
  const looks: Look[] = [];

  return {
    read(text, id) {
      const start = HEAD + id;
      if (typeof id !== "number" || !text.startsWith(start)) return null;
      for (const look of looks) if (fits(look, text, start.length)) return look.params;
      return null;
    },
    note(text, id, params) {
      const look = lookOf(text, id, params);
      if (look === null) return;
      if (looks.length === MOST_LOOKS) looks.shift();
      looks.push(look);
    },
  };
}

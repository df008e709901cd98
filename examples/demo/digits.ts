/** @file The real 8×8 digits that come with the package, in two parts: four fifths to learn from, every fifth to judge by. */
import { readFileSync } from "node:fs";
import { encodeTensor, type WireTensor } from "../../clients/typescript/index.ts";

export const SIDE = 8;
const PIXELS = SIDE * SIDE;

export interface Digits {
  readonly count: number;
  /** Grey levels from 0 to 16, count × 64. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  /** As they travel. */
  readonly x: WireTensor;
  readonly y: WireTensor;
}

/** The two tensors of a safetensors file: a length, a JSON header of places, bytes. */
function readDigits(): { images: Uint8Array; labels: Uint8Array } {
  const file = readFileSync(new URL("../../data/digits.safetensors", import.meta.url));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerBytes)) as Record<
    string,
    { data_offsets: [start: number, end: number] }
  >;
  const tensor = (name: string) => {
    const [start, end] = header[name]!.data_offsets;
    return new Uint8Array(file.subarray(8 + headerBytes + start, 8 + headerBytes + end));
  };
  return { images: tensor("images"), labels: tensor("labels") };
}

export function imageOf({ images }: Pick<Digits, "images">, row: number): Uint8Array {
  return images.subarray(row * PIXELS, (row + 1) * PIXELS);
}

/** Some rows as tensors of unsigned bytes, [rows, 64]. */
export function pick(from: Pick<Digits, "images" | "labels">, rows: readonly number[]): Digits {
  const images = Uint8Array.from(rows.flatMap((row) => [...imageOf(from, row)]));
  const labels = Uint8Array.from(rows, (row) => from.labels[row]!);
  return {
    count: rows.length,
    images,
    labels,
    x: encodeTensor({ dtype: "U8", shape: [rows.length, PIXELS], data: images }, { form: "b64" }),
    y: encodeTensor({ dtype: "U8", shape: [rows.length], data: labels }, { form: "b64" }),
  };
}

export function splitDigits(): { training: Digits; held: Digits } {
  const all = readDigits();
  const rows = Array.from(all.labels.keys());
  return {
    training: pick(
      all,
      rows.filter((row) => row % 5 !== 0),
    ),
    held: pick(
      all,
      rows.filter((row) => row % 5 === 0),
    ),
  };
}

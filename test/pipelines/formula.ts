/** @file Numbers that need not be stored: any tensor's values from its name, the same here and in scripts/vectors/formula.py. */
import { type Shape, sizeOf } from "../../src/engine/index.ts";

/** FNV-1a, 32 bits. */
function nameHash(name: string): number {
  return new TextEncoder().encode(name).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}

/** 32 bits for a position: MurmurHash3's last mix of the name's hash and the position. */
function bits(hash: number, position: number): number {
  let h = (Math.imul(position, 0x9e3779b9) + hash) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Between −scale and scale; float32 holds them exactly when scale is a power of two. */
export function reals(name: string, shape: Shape, scale = 1): Float64Array {
  const hash = nameHash(name);
  return Float64Array.from(
    { length: sizeOf(shape) },
    (_, position) => (((bits(hash, position) >>> 20) - 2047.5) / 2048) * scale,
  );
}

export function integers(name: string, shape: Shape, below: number): Int32Array {
  const hash = nameHash(name);
  return Int32Array.from({ length: sizeOf(shape) }, (_, position) => bits(hash, position) % below);
}

/** The power of two nearest to 1/√inputs: what weights of that many inputs are scaled by. */
export function scaleFor(inputs: number): number {
  return 2 ** -Math.floor(Math.log2(inputs) / 2 + 0.5);
}

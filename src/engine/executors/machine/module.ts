/** @file Finds and compiles the machine's WebAssembly module, with relaxed SIMD where this Node has it. */
import { existsSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Fault } from "../../fault.ts";

/** What the module gives the host. */
export interface MachineExports {
  /** 1 when the program at this address ran to its end, 0 when interrupted, −1 when a helper thread died. */
  run(program: number, threads: number): number;
  /** Performs one instruction and returns the next one's address, 0 after the last. */
  step(instruction: number): number;
  serve(): void;
}

/** The smallest module with a relaxed instruction: (func (param v128 v128 v128) (result v128) f32x4.relaxed_madd). */
// biome-ignore format: sections a line
const PROBE = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02, 0x0b,
);

/** The smallest module with a vector: (func (param v128)). */
// biome-ignore format: sections a line
const SIMD_PROBE = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x05, 0x01, 0x60, 0x01, 0x7b, 0x00,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b,
);

/** Whether this processor and this Node have the vectors that the kernels are written in. */
export function simdAvailable(): boolean {
  return WebAssembly.validate(SIMD_PROBE);
}

let hasRelaxedSimd: boolean | undefined;

/** Whether modules with relaxed SIMD compile. Node 20 has it behind a flag, which must be set before the first compile. */
export function relaxedSimdAvailable(): boolean {
  if (hasRelaxedSimd !== undefined) return hasRelaxedSimd;
  if (!WebAssembly.validate(PROBE)) setFlagsFromString("--experimental-wasm-relaxed-simd");
  hasRelaxedSimd = WebAssembly.validate(PROBE);
  return hasRelaxedSimd;
}

/** The module stands in dist/, seen from a bundle there, from one of its chunks, or from the sources. */
const PLACES = ["./", "../", "../../../../dist/"];

const compiled = new Map<string, WebAssembly.Module>();

/** @throws Fault INTERNAL when the kernels are not built */
export function loadModule(relaxed: boolean): WebAssembly.Module {
  const name = relaxed ? "machine.relaxed.wasm" : "machine.wasm";
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const path = PLACES.map((place) => new URL(place + name, import.meta.url)).find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new Fault("INTERNAL", `the machine's kernels (${name}) are not built`, { hint: "run `npm run build`" });
  }
  const module = new WebAssembly.Module(readFileSync(path));
  compiled.set(name, module);
  return module;
}

/** @file Finds and compiles the machine's WebAssembly module: with relaxed SIMD, and with vectors in pairs, where this Node has them. */
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

/** The first Node whose V8 pairs vectors in loops with sums, as the kernels have them: 22 and 23 know the flag, and pair nothing. */
const PAIRING_NODE = 24;

/** Whether this processor has vectors of 256 bits. Only Linux says; elsewhere those that Node 24 runs on nearly all have them. */
function processorIsWide(): boolean {
  if (process.arch !== "x64") return false;
  if (process.platform !== "linux") return true;
  try {
    return /^flags\s*:.*\bavx2\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false; // a container without /proc: narrow vectors are right everywhere
  }
}

let hasWideSimd: boolean | undefined;

/** Whether V8 makes one vector of 256 bits of two that are treated alike, which it does behind a flag: decision 20. */
export function wideSimdAvailable(): boolean {
  if (hasWideSimd !== undefined) return hasWideSimd;
  hasWideSimd =
    Number.parseInt(process.versions.node, 10) >= PAIRING_NODE && processorIsWide() && relaxedSimdAvailable();
  if (hasWideSimd) setFlagsFromString("--experimental-wasm-revectorize");
  return hasWideSimd;
}

/** Which of the modules: plain, with relaxed SIMD, or with that in pairs of vectors. */
export type Vectors = "plain" | "relaxed" | "wide";

const FILES: Readonly<Record<Vectors, string>> = {
  plain: "machine.wasm",
  relaxed: "machine.relaxed.wasm",
  wide: "machine.wide.wasm",
};

/** The widest that are not switched off; `wideSimd` says whether to take those, absent: where they are available. */
export function chooseVectors(relaxedSimd: boolean, wideSimd: boolean | undefined): Vectors {
  if (!relaxedSimd || !relaxedSimdAvailable()) return "plain";
  return (wideSimd ?? wideSimdAvailable()) ? "wide" : "relaxed";
}

/** The module stands in dist/, seen from a bundle there, from one of its chunks, or from the sources. */
const PLACES = ["./", "../", "../../../../dist/"];

const compiled = new Map<string, WebAssembly.Module>();

/** @throws Fault INTERNAL when the kernels are not built */
export function loadModule(vectors: Vectors): WebAssembly.Module {
  const name = FILES[vectors];
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

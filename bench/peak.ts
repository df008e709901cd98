/**
 * @file The most that 128-bit arithmetic gives on one core of this machine: fused multiplications and additions on registers
 * alone, as many at once as hide their latency.
 */
import { setTimeout } from "node:timers/promises";
import asc from "assemblyscript/asc";
import { relaxedSimdAvailable } from "../src/engine/executors/machine/module.ts";

const ACCUMULATORS = Array.from({ length: 12 }, (_, i) => `s${i}`);
const TURNS = 200_000;
/** Long enough for the loop to be compiled to its best meanwhile. */
const MILLISECONDS = 500;

const source = (multiplyAdd: (sum: string) => string) => `
export function run(turns: i32, a: f32): f32 {
  const x = f32x4.splat(a);
  ${ACCUMULATORS.map((sum, i) => `let ${sum} = f32x4.splat(${i}.0);`).join("\n  ")}
  for (let turn = 0; turn < turns; turn++) {
    ${ACCUMULATORS.map((sum) => `${sum} = ${multiplyAdd(sum)};`).join("\n    ")}
  }
  return f32x4.extract_lane(${ACCUMULATORS.reduce((all, sum) => `f32x4.add(${all}, ${sum})`)}, 0);
}`;

async function assemble(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const options = { optimizeLevel: 3, runtime: "stub", enable: ["simd", "relaxed-simd"] };
  const { binary, error, stderr } = await asc.compileString(text, options);
  if (error || binary === null) throw new Error(`the loop did not compile: ${stderr}`);
  return new Uint8Array(binary);
}

/** GFLOP/s of one core, the best of several rounds; null where this Node has no relaxed SIMD. */
export async function peakOfOneCore(): Promise<number | null> {
  if (!relaxedSimdAvailable()) return null;
  const bytes = await assemble(source((sum) => `f32x4.relaxed_madd(${sum}, x, x)`));
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: {} }).exports as unknown as {
    run(turns: number, a: number): number;
  };
  let best = 0;
  for (const end = performance.now() + MILLISECONDS; performance.now() < end; await setTimeout(1)) {
    const started = performance.now();
    run(TURNS, 0.5);
    best = Math.max(best, (2 * 4 * ACCUMULATORS.length * TURNS) / (performance.now() - started) / 1e6);
  }
  return best;
}

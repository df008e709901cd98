/**
 * @file The cases of the bench on the bare engine: whole training steps, forward passes, and matrix products.
 * `npx tsx bench/engine.ts [threads] [case ...]` times them alone and prints one line a case.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createMachine, type MachineOptions, type Program, type TensorType, trace } from "../src/engine/index.ts";
import { NETWORK_NAMES, NETWORKS, type Network } from "../src/pipelines/networks.ts";
import { runForward, trainNetwork } from "../src/pipelines/runNetwork.ts";
import { FORWARD } from "./forward.ts";
import { median } from "./statistics.ts";

/** A case in memory: `step` runs it once. */
export interface BuiltCase {
  readonly program: Program;
  readonly compileMilliseconds: number;
  step(): void;
  close(): void;
}

export interface EngineCase {
  readonly name: string;
  /** How often one measurement should repeat the step. */
  readonly repeats: number;
  build(options?: MachineOptions): BuiltCase;
}

/** Repeatable numbers in [0, 1). */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const training = (name: keyof typeof NETWORKS): EngineCase => ({
  name,
  repeats: NETWORKS[name].repeats,
  build: (options) => trainNetwork(NETWORKS[name], createMachine(options)),
});

const forward = ([name, network]: [string, Network]): EngineCase => ({
  name,
  repeats: network.repeats,
  build: (options) => runForward(network, createMachine(options)),
});

function product(name: string, size: number, fixed: MachineOptions = {}): EngineCase {
  return {
    name,
    repeats: Math.ceil(2e8 / size ** 3),
    build(options = {}) {
      const executor = createMachine({ ...options, ...fixed });
      const started = performance.now();
      const type: TensorType = { dtype: "F32", shape: [size, size] };
      const traced = trace((t) => ({ outputs: { c: t.input("a", type).matmul(t.input("b", type)) } }));
      const program = executor.compile(traced, executor.createState({}));
      const compileMilliseconds = performance.now() - started;
      const next = sequence(3);
      for (const view of Object.values(program.inputs)) {
        (view as Float32Array).set(Array.from({ length: size * size }, () => next() - 0.5));
      }
      return { program, compileMilliseconds, step: () => void program.run(), close: () => executor.close() };
    },
  };
}

export const engineCases: readonly EngineCase[] = [
  ...NETWORK_NAMES.map(training),
  ...Object.entries(FORWARD).map(forward),
  product("gemm-64", 64),
  product("gemm-256", 256),
  product("gemm-1024", 1024),
  product("gemm-1024-plain", 1024, { relaxedSimd: false }),
];

/** Milliseconds a step: the median of five rounds, after a warm-up that lets the kernels be optimised. */
export function timeCase({ repeats }: Pick<EngineCase, "repeats">, instance: BuiltCase): number {
  for (let step = 0; step < Math.min(repeats, 300); step++) instance.step();
  const rounds = Array.from({ length: 5 }, () => {
    const started = performance.now();
    for (let step = 0; step < repeats; step++) instance.step();
    return (performance.now() - started) / repeats;
  });
  return median(rounds);
}

function main(): void {
  const [threads = "1", ...names] = process.argv.slice(2);
  for (const engineCase of engineCases) {
    if (names.length > 0 && !names.includes(engineCase.name)) continue;
    const instance = engineCase.build({ threads: Number(threads) });
    const milliseconds = timeCase(engineCase, instance);
    const [time, rate] = [milliseconds * 1000, (instance.program.flops ?? 0) / milliseconds / 1e6];
    console.log(
      `${engineCase.name.padEnd(17)} ${threads} thread(s)  ${time.toFixed(2).padStart(10)} µs a step  compile ${instance.compileMilliseconds.toFixed(1)} ms  ${rate.toFixed(1)} GFLOP/s`,
    );
    instance.close();
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main();

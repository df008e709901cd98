/** @file What is measured, and the goal of each: times of one step compared with peers, and times of the wire that have a limit. */

/** One step of a network, the same work in every contender. Goals are the peer's time divided by ours. */
export interface StepCase {
  readonly name: string;
  readonly what: string;
  readonly threads: readonly number[];
  readonly goals: { readonly torch?: number; readonly tfjs?: number };
  /** The peers that have the case; all of them when left out. */
  readonly peers?: readonly ("torch" | "tfjs")[];
}

export const STEP_CASES: readonly StepCase[] = [
  {
    name: "mlp-small",
    what: "training step, 4-64-64-2 ReLU, batch 64, Adam",
    threads: [1, 2],
    goals: { torch: 6, tfjs: 10 },
  },
  {
    name: "mlp-mnist",
    what: "training step, 784-128-10 ReLU, batch 64, Adam",
    threads: [1, 2],
    goals: { torch: 1.3, tfjs: 10 },
  },
  {
    name: "mlp-wide",
    what: "training step, 784-512-512-10 ReLU, batch 128, Adam",
    threads: [1, 2],
    goals: { torch: 1, tfjs: 10 },
  },
  {
    name: "lenet",
    what: "training step, 28 × 28, two 3 × 3 convolutions of 16 and 32, 128 units, batch 64, Adam",
    threads: [1, 2],
    goals: { torch: 1.4 },
    peers: ["torch"],
  },
  {
    name: "resnet8",
    what: "training step, 32 × 32 × 3, residual blocks of 16, 32, 64 with batch norm, batch 64, Adam",
    threads: [1, 2],
    goals: { torch: 1.1 },
    peers: ["torch"],
  },
  {
    name: "lstm",
    what: "training step, LSTM of 16 → 64 over 50 steps, batch 32, Adam",
    threads: [1, 2],
    goals: { torch: 1.3 },
    peers: ["torch"],
  },
  {
    name: "gpt",
    what: "training step, width 128, 4 layers, 4 heads, context 64, batch 16, Adam",
    threads: [1, 2],
    goals: { torch: 0.9 },
    peers: ["torch"],
  },
  { name: "policy", what: "forward, 4-64-64-2 tanh, batch 1", threads: [1], goals: { torch: 5 } },
  { name: "gemm-1024", what: "product of two 1024 × 1024 matrices", threads: [1, 2], goals: {} },
];

/** A time in milliseconds that `bench/wire.py` or the runner measures on the real process. */
export interface WireCase {
  readonly name: string;
  readonly what: string;
  readonly limitMilliseconds: number;
}

export const WIRE_CASES = [
  { name: "start", what: "spawn to first answer, median", limitMilliseconds: 150 },
  { name: "round-trip-p50", what: "ping from Python, idle, median", limitMilliseconds: 0.12 },
  { name: "round-trip-p99", what: "ping from Python, idle, 99th percentile", limitMilliseconds: 1 },
  { name: "busy-ping-p99", what: "ping while training at full speed, 99th percentile", limitMilliseconds: 20 },
] as const satisfies readonly WireCase[];

export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  mlp: ["mlp-small", "mlp-mnist", "mlp-wide"],
  nets: ["lenet", "resnet8", "lstm", "gpt"],
  engine: STEP_CASES.map(({ name }) => name),
  wire: WIRE_CASES.map(({ name }) => name),
};

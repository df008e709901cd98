/** @file What is measured, and the goal of each: times of one step compared with peers, and figures that have a limit. */

export type PeerKey = "torch" | "tfjs" | "onnxruntime";

/** One step of a network, the same work in every contender. Goals are the peer's time divided by ours. */
export interface StepCase {
  readonly name: string;
  readonly what: string;
  readonly threads: readonly number[];
  readonly goals: Readonly<Partial<Record<PeerKey, number>>>;
  /** GFLOP/s aimed at, on one thread. */
  readonly rate?: number;
  /** The peers that have the case. */
  readonly peers: readonly PeerKey[];
}

/** TF.js's WASM backend has no gradient of a convolution's weights, nor one of `gather`; onnxruntime-node does not train. */
const TRAINING: readonly PeerKey[] = ["torch"];
const FORWARD: readonly PeerKey[] = ["torch", "onnxruntime"];

const NETWORKS = {
  "mlp-small": "4-64-64-2 ReLU, batch 64",
  "mlp-mnist": "784-128-10 ReLU, batch 64",
  "mlp-wide": "784-512-512-10 ReLU, batch 128",
  lenet: "28 × 28, two 3 × 3 convolutions of 16 and 32, 128 units, batch 64",
  resnet8: "32 × 32 × 3, residual blocks of 16, 32, 64 with batch norm, batch 64",
  lstm: "LSTM of 16 → 64 over 50 steps, batch 32",
  gpt: "width 128, 4 layers, 4 heads, context 64, batch 16",
} as const;

type NetworkName = keyof typeof NETWORKS;

const training = (name: NetworkName, goals: StepCase["goals"], peers: readonly PeerKey[] = TRAINING): StepCase => ({
  name,
  what: `training step, ${NETWORKS[name]}, Adam`,
  threads: [1, 2],
  goals,
  peers,
});

const forward = (name: NetworkName, peers: readonly PeerKey[] = FORWARD): StepCase => ({
  name: `${name}-forward`,
  what: `forward, ${NETWORKS[name]}`,
  threads: [1, 2],
  goals: {},
  peers,
});

export const STEP_CASES: readonly StepCase[] = [
  training("mlp-small", { torch: 6, tfjs: 10 }, ["torch", "tfjs"]),
  training("mlp-mnist", { torch: 1.3, tfjs: 10 }, ["torch", "tfjs"]),
  training("mlp-wide", { torch: 1, tfjs: 10 }, ["torch", "tfjs"]),
  training("lenet", { torch: 1.4 }),
  training("resnet8", { torch: 1.1 }),
  training("lstm", { torch: 1.3 }),
  training("gpt", { torch: 0.9 }),
  {
    name: "policy",
    what: "forward, 4-64-64-2 tanh, batch 1",
    threads: [1],
    goals: { torch: 5 },
    peers: ["torch", "tfjs", "onnxruntime"],
  },
  forward("mlp-mnist", ["torch", "tfjs", "onnxruntime"]),
  forward("mlp-wide", ["torch", "tfjs", "onnxruntime"]),
  forward("lenet", ["torch", "tfjs", "onnxruntime"]),
  forward("resnet8"),
  forward("lstm"),
  forward("gpt"),
  {
    name: "gemm-64",
    what: "product of two 64 × 64 matrices",
    threads: [1],
    goals: {},
    rate: 15,
    peers: ["torch", "tfjs"],
  },
  {
    name: "gemm-1024",
    what: "product of two 1024 × 1024 matrices",
    threads: [1, 2],
    goals: {},
    rate: 40,
    peers: ["torch", "tfjs"],
  },
  {
    name: "gemm-1024-plain",
    what: "the same without relaxed SIMD",
    threads: [1],
    goals: {},
    rate: 30,
    peers: [],
  },
];

/** A file that came in, run by each executor. */
export interface OnnxCase {
  readonly name: string;
  readonly what: string;
  /** In `forward.ts`. */
  readonly network: string;
  readonly batch: number;
}

/** What `bench/onnx.ts` measures: our engine beside onnxruntime, as `predict` runs imported files. */
export const ONNX_CASES: readonly OnnxCase[] = (["mlp-mnist", "lenet", "lstm", "gpt"] as const).flatMap((network) =>
  [1, 64].map((batch) => ({
    name: `onnx-${network}-${batch}`,
    what: `forward, ${NETWORKS[network].replace(/, batch \d+$/, "")}, batch ${batch}`,
    network: `${network}-forward`,
    batch,
  })),
);

/** A number that is to stay within a limit. */
export interface LimitCase {
  readonly name: string;
  readonly what: string;
  readonly unit: "ms" | "×";
  readonly limit: number;
  /** Which side of the limit is wanted. */
  readonly wanted: "at most" | "at least";
}

const QUANTIZED = {
  size: ["the file in integers to that in real numbers", 0.3, "at most"],
  accuracy: ["accuracy of the file in integers to that in real numbers, on rows kept from learning", 0.99, "at least"],
  time: ["onnxruntime's time for 64 rows in integers to that in real numbers", 1, "at most"],
} as const;

/** What `bench/quantized.ts` measures. Convolutions have no form in integers whose input is measured as it runs. */
export const QUANTIZED_CASES: readonly LimitCase[] = (["mlp", "cnn"] as const).flatMap((model) =>
  (["dynamic", "static"] as const).flatMap((mode) =>
    Object.entries(QUANTIZED)
      .filter(([figure]) => !(figure === "time" && model === "cnn" && mode === "dynamic"))
      .map(([figure, [what, limit, wanted]]) => ({
        name: `quantized-${figure}-${model}-${mode}`,
        what: `digits ${model}, int8-${mode}: ${what}`,
        unit: "×" as const,
        limit,
        wanted,
      })),
  ),
);

/** What `bench/wire.py` measures on the real process. */
export const WIRE_CASES = [
  { name: "start", what: "spawn to first answer, median", unit: "ms", limit: 150, wanted: "at most" },
  { name: "round-trip-p50", what: "ping from Python, idle, median", unit: "ms", limit: 0.12, wanted: "at most" },
  { name: "round-trip-p99", what: "ping from Python, idle, 99th percentile", unit: "ms", limit: 1, wanted: "at most" },
  {
    name: "busy-ping-p99",
    what: "ping while training at full speed, 99th percentile",
    unit: "ms",
    limit: 20,
    wanted: "at most",
  },
] as const satisfies readonly LimitCase[];

/** Environment steps a second while learning, here and in Stable-Baselines3. */
export interface RateCase {
  readonly name: string;
  readonly what: string;
  /** Our steps a second divided by theirs. */
  readonly goal: number;
}

/** What `bench/rl.py` measures beside Stable-Baselines3, one thread each. */
export const RATE_CASES: readonly RateCase[] = [
  { name: "rl-cleanrl", what: "PPO on CartPole, CleanRL's settings, environment inside", goal: 12 },
  { name: "rl-zoo", what: "PPO on CartPole, the zoo's settings, environment inside", goal: 5 },
  {
    name: "rl-host",
    what: "PPO on 8 CartPoles that Gymnasium steps in Python, over the wire, the zoo's settings",
    goal: 3,
  },
];

/** What `bench/rl.py` measures of us alone. */
export const LEARNING_CASES = [
  {
    name: "rl-solved",
    what: "spawn to 100 greedy episodes of CartPole with a mean of 475, median of 3 seeds",
    unit: "ms",
    limit: 3000,
    wanted: "at most",
  },
] as const satisfies readonly LimitCase[];

const compiling = <Name extends NetworkName>(name: Name, limit: number) =>
  ({
    name: `compile-${name}`,
    what: `trace, gradients, plan and code of ${name}'s step, the first in its process`,
    unit: "ms",
    limit,
    wanted: "at most",
  }) as const satisfies LimitCase;

const crowded = <Name extends NetworkName>(name: Name) =>
  ({
    name: `crowded-${name}`,
    what: `speed of ${name}'s step with four times as many threads as cores, to that with as many as cores`,
    unit: "×",
    limit: 0.7,
    wanted: "at least",
  }) as const satisfies LimitCase;

/** What `bench/limits.ts` measures on the engine, each in a process of its own. */
export const LIMIT_CASES = [
  compiling("mlp-small", 20),
  {
    name: "compile-rehearsed",
    what: "mlp-small's step in a worker that has waited for its first call, and rehearsed",
    unit: "ms",
    limit: 20,
    wanted: "at most",
  },
  compiling("resnet8", 250),
  compiling("gpt", 250),
  { name: "compile-again", what: "gpt's step a second time", unit: "ms", limit: 250, wanted: "at most" },
  {
    name: "policy-call",
    what: "a policy's forward at batch 1, from JavaScript",
    unit: "ms",
    limit: 0.005,
    wanted: "at most",
  },
  crowded("mlp-mnist"),
  crowded("mlp-wide"),
  crowded("resnet8"),
  {
    name: "arena",
    what: "working memory to what is alive at once, the largest of all training steps",
    unit: "×",
    limit: 1.3,
    wanted: "at most",
  },
  {
    name: "checkpointing-memory",
    what: "gpt's working memory with its blocks computed again, to that without",
    unit: "×",
    limit: 0.5,
    wanted: "at most",
  },
  { name: "checkpointing-time", what: "its step's time, to that without", unit: "×", limit: 1.4, wanted: "at most" },
  {
    name: "augment",
    what: "resnet8's rate on two threads while rows are cropped and flipped, to that on rows as they are",
    unit: "×",
    limit: 0.9,
    wanted: "at least",
  },
] as const satisfies readonly LimitCase[];

export type LimitName = (typeof LIMIT_CASES)[number]["name"];

export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  mlp: ["mlp-small", "mlp-mnist", "mlp-wide"],
  nets: ["lenet", "resnet8", "lstm", "gpt"],
  forward: STEP_CASES.map(({ name }) => name).filter((name) => name.endsWith("-forward")),
  gemm: ["gemm-64", "gemm-1024", "gemm-1024-plain"],
  limits: LIMIT_CASES.map(({ name }) => name),
  engine: [...STEP_CASES, ...LIMIT_CASES].map(({ name }) => name),
  onnx: [...ONNX_CASES, ...QUANTIZED_CASES].map(({ name }) => name),
  wire: WIRE_CASES.map(({ name }) => name),
  rl: [...RATE_CASES, ...LEARNING_CASES].map(({ name }) => name),
};

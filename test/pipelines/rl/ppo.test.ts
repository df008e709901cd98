/** PPO's losses, gradients and one step of its optimizer, against PyTorch on rollouts that scripts/vectors/rl.py makes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createReference, gradients, type Program, trace } from "../../../src/engine/index.ts";
import { createRegistry } from "../../../src/pipelines/index.ts";
import { adam } from "../../../src/pipelines/optimizers/adam.ts";
import { estimateAdvantages } from "../../../src/pipelines/rl/advantages.ts";
import { scalarWriter } from "../../../src/pipelines/rl/algorithms/improve.ts";
import {
  losses,
  traceUpdate,
  type UpdateOptions,
  updateState,
} from "../../../src/pipelines/rl/algorithms/ppoUpdate.ts";
import type { PolicySpec } from "../../../src/pipelines/rl/policy.ts";
import { policyLeaves } from "../../../src/pipelines/rl/policyRecord.ts";
import { box, type Space } from "../../../src/pipelines/rl/spaces.ts";
import { expectClose } from "../vectors.ts";

interface Case {
  readonly name: string;
  readonly action: Space;
  readonly memory: "lstm" | "gru" | null;
  readonly masked: boolean;
  readonly options: Omit<UpdateOptions, "optimizer" | "surrogate"> & { readonly adamEpsilon: number };
  readonly weights: Readonly<Record<string, { shape: number[]; values: number[] }>>;
  readonly inputs: Readonly<Record<string, number[]>>;
  readonly figures: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, number[]>>;
  readonly next: Readonly<Record<string, number[]>>;
}

const VECTORS = JSON.parse(readFileSync(new URL("../../vectors/rl.json", import.meta.url), "utf8")) as {
  readonly observation: number;
  readonly hidden: number;
  readonly sequences: number;
  readonly time: number;
  readonly clip: number;
  readonly learningRate: number;
  readonly cases: readonly Case[];
  readonly advantages: Readonly<Record<string, number[]>> & { count: number; gamma: number; gaeLambda: number };
};

const registry = createRegistry();

function specOf({ action, memory, masked, name }: Case): PolicySpec {
  const { options } = registry.backbones.get("mlp")!;
  const backbone = { type: "mlp", ...options.parse({ hidden: [VECTORS.hidden], activation: "tanh" }) };
  return {
    observation: box([VECTORS.observation], -1, 1),
    action,
    backbone: memory === null ? backbone : null,
    memory: memory === null ? null : { cell: memory, hidden: VECTORS.hidden, layers: 1 },
    sharedBackbone: memory !== null,
    orthogonalInit: true,
    distribution: action.type !== "box" ? "categorical" : name.includes("squashed") ? "squashedGaussian" : "gaussian",
    logStdInit: 0,
    masked,
    normaliser: null,
  };
}

const optionsOf = ({ options: { adamEpsilon: epsilon, ...options } }: Case): UpdateOptions => ({
  ...options,
  optimizer: { type: "adam", ...adam.options.parse({ epsilon }) },
  surrogate: "clipped",
});

const shapeOf = ({ memory }: Case) =>
  memory === null
    ? { sequences: VECTORS.sequences * VECTORS.time, time: 1 }
    : { sequences: VECTORS.sequences, time: VECTORS.time };

function compiled(each: Case, make: (spec: PolicySpec) => ReturnType<typeof trace>) {
  const executor = createReference();
  const spec = specOf(each);
  const state = updateState(executor, registry, policyLeaves(registry, spec), optionsOf(each).optimizer);
  for (const [path, { shape, values }] of Object.entries(each.weights)) {
    state.write(path, { dtype: "F32", shape, data: Float64Array.from(values) });
  }
  const program = executor.compile(make(spec), state);
  fill(program, each.inputs);
  program.inputs.clipCoef![0] = VECTORS.clip;
  return { program, state };
}

function fill(program: Program, inputs: Case["inputs"]): void {
  for (const [name, values] of Object.entries(inputs)) (program.inputs[name] as Float64Array).set(values);
}

describe.each(VECTORS.cases.map((each) => [each.name, each] as const))("PPO with %s", (_name, each) => {
  it("has PyTorch's losses and gradients", () => {
    const paths = Object.keys(each.weights);
    const { program } = compiled(each, (spec) =>
      trace((t) => {
        const { loss, leaves, outputs } = losses(t, registry, spec, shapeOf(each), optionsOf(each));
        const tensors = paths.map((path) => leaves.find((leaf) => leaf.path === path)!.tensor);
        const slopes = gradients(loss, tensors);
        return { outputs: { ...outputs, ...Object.fromEntries(paths.map((path, index) => [path, slopes[index]!])) } };
      }),
    );
    program.run();
    for (const [name, value] of Object.entries(each.figures)) {
      expectClose([Number(program.outputs[name]![0])], [value], 1e-9);
    }
    for (const path of paths) expectClose(Array.from(program.outputs[path]!, Number), each.gradients[path]!, 1e-9);
  });

  it("takes PyTorch's step", () => {
    const { program, state } = compiled(each, (spec) => traceUpdate(registry, spec, shapeOf(each), optionsOf(each)));
    scalarWriter(registry, optionsOf(each).optimizer, "policy", program.inputs as never)(1, VECTORS.learningRate);
    program.run();
    for (const [path, values] of Object.entries(each.next)) {
      expectClose(Array.from(state.read(path).data, Number), values, 1e-7); // states are read as F32
    }
  });
});

it("estimates advantages with values at truncations, nothing after terminations, and without steps that are none", () => {
  const { count, gamma, gaeLambda, ...arrays } = VECTORS.advantages;
  const floats = (name: string) => Float32Array.from(arrays[name] as number[]);
  const bytes = (name: string) => Uint8Array.from(arrays[name] as number[]);
  const steps = {
    rewards: floats("rewards"),
    values: floats("values"),
    bootstraps: floats("bootstraps"),
    counts: floats("counts"),
    terminated: bytes("terminated"),
    truncated: bytes("truncated"),
  };
  const advantages = new Float32Array(steps.values.length);
  estimateAdvantages(steps, floats("lastValues"), advantages, { gamma, gaeLambda, count });
  expect(steps.terminated.includes(1) && steps.truncated.includes(1) && steps.counts.includes(0)).toBe(true);
  expectClose([...advantages], arrays.advantages as number[], 1e-5);
});

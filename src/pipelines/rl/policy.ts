/** @file A policy as a network: an observation through a backbone, perhaps a memory, to what to do and what that is worth. */
import type { Tensor, TensorType } from "../../engine/index.ts";
import { Fault, trace } from "../../engine/index.ts";
import { CELLS, type CellName } from "../layers/cells.ts";
import { dense } from "../layers/dense.ts";
import { forWindows, INITIALISERS, type Initialiser, zeros } from "../layers/initialisers.ts";
import { recurrent } from "../layers/recurrent.ts";
import { createScope, type Declaration, type Scope } from "../layers/scope.ts";
import type { Configured } from "../model/spec.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { type DistributionName, parametersOf } from "./distributions.ts";
import { encoded } from "./observations.ts";
import { type Space, spaceSize } from "./spaces.ts";

/** What a policy is made from: plain data, saved with its weights. */
export interface PolicySpec {
  readonly observation: Space;
  readonly action: Space;
  /** Null: the memory reads observations as they are. */
  readonly backbone: Configured | null;
  readonly memory: MemorySpec | null;
  /** Whether what to do and what it is worth are read off the same features. With a memory always. */
  readonly sharedBackbone: boolean;
  readonly orthogonalInit: boolean;
  readonly distribution: DistributionName;
  /**
   * What says the value of what is seen: an output of its own, when left out; a part of what each choice is worth (Wang et
   * al. 2016, equation 9), with shared features; or nothing but the choices' own worth, where `distribution` is greedy.
   */
  readonly critic?: "own" | "dueling" | "none";
  readonly logStdInit: number;
  /** Whether it is told what may be chosen. */
  readonly masked: boolean;
  /** Observations are standardised by running statistics and clipped to ±clip; null: taken as they are. */
  readonly normaliser: { readonly clip: number } | null;
}

export interface MemorySpec {
  readonly cell: CellName;
  readonly hidden: number;
  readonly layers: number;
}

export interface PolicyInput {
  /** F32 [rows, size of an observation], normalised where the spec says so. Of sequences, all steps of the first come first. */
  readonly observations: Tensor;
  /** What is remembered before the first step, see `memoryTypes`; empty without a memory. */
  readonly memory: readonly Tensor[];
  /** BOOL [sequences, time]: where an episode begins, and the memory is empty. */
  readonly starts: Tensor | null;
}

export interface PolicyOutput {
  /** F32 [rows, parametersOf(action, distribution)] */
  readonly parameters: Tensor;
  /** F32 [rows]: the discounted return that is expected. */
  readonly value: Tensor;
  readonly memory: readonly Tensor[];
}

/** [hidden] each, for one sequence: by layer, an LSTM's hidden state and then its cell. */
export function memoryWidths({ memory }: Pick<PolicySpec, "memory">): number[] {
  if (memory === null) return [];
  return new Array<number>(memory.layers * CELLS[memory.cell].memories).fill(memory.hidden);
}

/** Andrychowicz et al. 2021 and the 37 details: √2 before activations, little where actions are chosen, 1 where values are. */
const GAINS = { hidden: Math.SQRT2, memory: 1, actor: 0.01, critic: 1 } as const;

const orthogonal =
  (gain: number): Initialiser =>
  (shape, random) => {
    const rule: Initialiser = (own, stream) => INITIALISERS.orthogonal(own, stream).map((value) => value * gain);
    return (shape.length > 2 ? forWindows(rule) : rule)(shape, random);
  };

/** The same scope, where weights begin at right angles and biases at zero. */
function orthogonalScope(scope: Scope, gain: number): Scope {
  return {
    ...scope,
    child: (name) => orthogonalScope(scope.child(name), gain),
    parameter(name, shape, initialiser) {
      const own = name.startsWith("weight") && shape.length > 1 ? orthogonal(gain) : initialiser;
      return scope.parameter(name, shape, name.startsWith("bias") ? zeros : own);
    },
  };
}

/** Observations to what to do and what it is worth. Paths: `actor`, `critic`, and `backbone` and `memory` where shared. */
export function policyNetwork(registry: Registry, spec: PolicySpec, scope: Scope, input: PolicyInput): PolicyOutput {
  const seen = encoded(spec.observation, input.observations);
  const at = (name: string, gain: number): Scope =>
    spec.orthogonalInit ? orthogonalScope(scope.child(name), gain) : scope.child(name);
  const features = (name: string): Tensor => {
    const y = backboneOf(registry, spec, at(name, GAINS.hidden), seen);
    return y.reshape([y.shape[0]!, -1]);
  };
  const output = (name: "actor" | "critic", x: Tensor, units: number): Tensor =>
    dense(at(`${name}.output`, GAINS[name]), x, { units, init: INITIALISERS.xavierUniform });
  const isShared = spec.sharedBackbone || spec.memory !== null;
  const before = isShared ? features("backbone") : null;
  const { x, memory } =
    before === null ? { x: null, memory: [] } : remembered(spec, at("memory", GAINS.memory), before, input);
  const parameters = output("actor", x ?? features("actor.backbone"), parametersOf(spec.action, spec.distribution));
  const rows = parameters.shape[0]!;
  if (spec.critic === "none") {
    const value = spec.distribution === "greedy" ? parameters.max(-1) : parameters.constant(0).broadcastTo([rows]);
    return { parameters, value, memory };
  }
  const value = output("critic", x ?? features("critic.backbone"), 1);
  if (spec.critic !== "dueling") return { parameters, value: value.reshape([rows]), memory };
  const worths = parameters.sub(parameters.mean(-1, { keepDims: true })).add(value);
  return { parameters: worths, value: worths.max(-1), memory };
}

export function backboneOf(registry: Registry, { backbone, observation }: PolicySpec, scope: Scope, x: Tensor): Tensor {
  if (backbone === null) return x;
  const { build } = find(registry.backbones, backbone.type, "backbone.type");
  const shape = x.shape.slice(1);
  return build(scope, x, optionsOf(backbone), {
    parts: [{ name: "observations", kind: "tensor", shape, offset: 0, width: spaceSize(observation) }],
    backbone() {
      throw new Fault("INVALID_PARAMS", `a policy's backbone cannot hold others, as \`${backbone.type}\` does`, {
        violations: [{ path: "backbone.type", message: "made of other backbones", got: backbone.type }],
        hint: "choose `mlp` or `cnn`",
      });
    },
  });
}

function remembered(
  { memory }: PolicySpec,
  scope: Scope,
  x: Tensor,
  input: PolicyInput,
): { x: Tensor; memory: readonly Tensor[] } {
  if (memory === null) return { x, memory: [] };
  const { cell, hidden, layers } = memory;
  const { starts } = input;
  const [sequences, time] = (starts?.shape ?? [x.shape[0]!, 1]) as [number, number];
  const each = CELLS[cell].memories;
  const initial = Array.from({ length: layers }, (_, layer) => input.memory.slice(layer * each, (layer + 1) * each));
  const { outputs, last } = recurrent(scope, x.reshape([sequences, time, -1]), {
    cell,
    hidden,
    layers,
    initial,
    ...(starts === null ? {} : { starts }),
  });
  return { x: outputs.reshape([sequences * time, hidden]), memory: last.flat() };
}

/** Everything that the policy learns, with the numbers it begins with. */
export function declarePolicy(
  registry: Registry,
  spec: PolicySpec,
  extra: (scope: Scope, output: PolicyOutput) => void,
) {
  const leaves: Declaration[] = [];
  trace((t) => {
    const { scope, declarations } = createScope(t);
    const row: TensorType = { dtype: "F32", shape: [1, spaceSize(spec.observation)] };
    const output = policyNetwork(registry, spec, scope, {
      observations: t.input("observations", row),
      memory: memoryWidths(spec).map((width, index) => t.input(`memory.${index}`, { dtype: "F32", shape: [1, width] })),
      starts: null,
    });
    extra(scope, output);
    leaves.push(...declarations.leaves.values());
    return { outputs: { value: output.value } };
  });
  return leaves;
}

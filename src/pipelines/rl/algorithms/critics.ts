/** @file Critics of actions in a box: what an action is worth in what is seen, twice, and the actor's actions as tensors in [−1, 1]. */
import { concat, Fault, type Tensor, trace } from "../../../engine/index.ts";
import { dense } from "../../layers/dense.ts";
import { INITIALISERS } from "../../layers/initialisers.ts";
import { createScope, type Declaration, type Scope } from "../../layers/scope.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AlgorithmPlan } from "../algorithm.ts";
import { encoded } from "../observations.ts";
import { backboneOf, type PolicySpec, policyNetwork } from "../policy.ts";
import { f32 } from "../programs.ts";
import { type Space, spaceSize } from "../spaces.ts";

export type Box = Extract<Space, { type: "box" }>;

/** The plan of a method for boxes: its distribution, and that it can neither choose nor remember. */
export const boxForm =
  (type: string, distribution: PolicySpec["distribution"]): NonNullable<AlgorithmPlan["form"]> =>
  ({ action, memory }) => {
    const isBounded = action.type === "box" && [...action.low, ...action.high].every(Number.isFinite);
    if (isBounded && memory === null) return { distribution, critic: "none" };
    throw new Fault("INVALID_PARAMS", `\`${type}\` learns actions in a box with bounds, from what it sees then`, {
      violations: [
        isBounded
          ? { path: "memory", message: "not with this algorithm", expected: "none", got: "a memory" }
          : {
              path: "environment.action",
              message: "not with this algorithm",
              expected: "a box with finite bounds",
              got: action.type,
            },
      ],
      hint: "choose `ppo`, or for one choice a step `dqn`",
    });
  };

/** Two critics, the least of which is believed (Fujimoto et al. 2018). @returns [batch] each */
export function critics(
  registry: Registry,
  spec: PolicySpec,
  scope: Scope,
  observations: Tensor,
  actions: Tensor,
): [Tensor, Tensor] {
  const seen = encoded(spec.observation, observations);
  const worth = (name: string): Tensor => {
    const own = scope.child(`critics.${name}`);
    const features =
      seen.shape.length === 2 ? joint(registry, spec, own, seen, actions) : late(registry, spec, own, seen, actions);
    return dense(own.child("output"), features, { units: 1, init: INITIALISERS.xavierUniform }).reshape([
      seen.shape[0]!,
    ]);
  };
  return [worth("0"), worth("1")];
}

/** Numbers: what is seen and what is done pass through the backbone together. */
function joint(registry: Registry, spec: PolicySpec, scope: Scope, seen: Tensor, actions: Tensor): Tensor {
  return flat(backboneOf(registry, spec, scope.child("backbone"), concat([seen, actions], 1)));
}

const JOINT_UNITS = 256;

/** Images: what is done joins what the backbone saw, in a layer of its own. */
function late(registry: Registry, spec: PolicySpec, scope: Scope, seen: Tensor, actions: Tensor): Tensor {
  const features = flat(backboneOf(registry, spec, scope.child("backbone"), seen));
  return dense(scope.child("joint"), concat([features, actions], 1), { units: JOINT_UNITS }).relu();
}

const flat = (x: Tensor): Tensor => x.reshape([x.shape[0]!, -1]);

/** The actor's parameters for what is seen. */
export const actorOf = (registry: Registry, spec: PolicySpec, scope: Scope, observations: Tensor): Tensor =>
  policyNetwork(registry, spec, scope, { observations, memory: [], starts: null }).parameters;

/** Everything that both critics learn. */
export function declareCritics(registry: Registry, spec: PolicySpec): Declaration[] {
  const leaves: Declaration[] = [];
  trace((t) => {
    const { scope, declarations } = createScope(t);
    const seen = t.input("observations", f32(1, spaceSize(spec.observation)));
    const [worth] = critics(registry, spec, scope, seen, t.input("actions", f32(1, spaceSize(spec.action))));
    leaves.push(...declarations.leaves.values());
    return { outputs: { worth } };
  });
  return leaves;
}

/** Of all that a trace has asked for, what `paths` names and can learn. */
export function learnedAmong(leaves: ReadonlyMap<string, Declaration>, among: readonly Declaration[]): Declaration[] {
  return among.filter(({ trainable }) => trainable).map(({ path }) => leaves.get(path)!);
}

/** @file Acting as one program: observations of many copies in; raw actions, what the environments take, values and memories out. */
import { type Tensor, type TensorType, type Traced, type Tracer, trace } from "../../engine/index.ts";
import { createScope } from "../layers/scope.ts";
import type { Registry } from "../registry/registry.ts";
import { distributionOf, maskWidth } from "./distributions.ts";
import { memoryWidths, type PolicySpec, policyNetwork } from "./policy.ts";
import { spaceSize } from "./spaces.ts";

export const f32 = (...shape: number[]): TensorType => ({ dtype: "F32", shape });
export const i32 = (...shape: number[]): TensorType => ({ dtype: "I32", shape });
export const bool = (...shape: number[]): TensorType => ({ dtype: "BOOL", shape });

/** The inputs that tell a policy what it sees, for so many sequences of so many steps. */
export function policyInputs(t: Tracer, spec: PolicySpec, sequences: number, time: number) {
  return {
    observations: t.input("observations", f32(sequences * time, spaceSize(spec.observation))),
    mask: spec.masked ? t.input("mask", bool(sequences * time, maskWidth(spec.action))) : null,
    memory: memoryWidths(spec).map((width, index) => t.input(`memory.${index}`, f32(sequences, width))),
    starts: spec.memory === null ? null : t.input("starts", bool(sequences, time)),
  };
}

/** How a raw action lies in a program. */
export const rawType = ({ action }: Pick<PolicySpec, "action">, rows: number): TensorType =>
  action.type === "box" ? f32(rows, spaceSize(action)) : i32(rows, spaceSize(action));

/**
 * Inputs: `observations` [count, size]; `random` I32 [4] unless `isGreedy`; `mask`, `memory.0` … and `starts` where the
 * spec has them. Outputs: `raw`, `applied`, `logProb`, `value`, and the memories after this step, under their own names.
 */
export function traceAct(registry: Registry, spec: PolicySpec, count: number, isGreedy: boolean): Traced {
  return trace((t) => {
    const { scope } = createScope(t);
    const input = policyInputs(t, spec, count, 1);
    const { parameters, value, memory } = policyNetwork(registry, spec, scope, input);
    const distribution = distributionOf(scope.child("actor"), spec.action, spec, parameters, input.mask);
    const raw = isGreedy ? distribution.mode() : distribution.sample(t.input("random", i32(4)));
    const named: Record<string, Tensor> = Object.fromEntries(
      memory.map((tensor, index) => [`memory.${index}`, tensor]),
    );
    return {
      outputs: { raw, applied: distribution.applied(raw), logProb: distribution.logProb(raw), value, ...named },
    };
  });
}

/** @file Gradients to new weights by an optimizer of the registry, inside a program that learns by acting. */
import { gradients, type Tensor, type TensorType, type Tracer } from "../../../engine/index.ts";
import type { Declaration } from "../../layers/scope.ts";
import type { Configured } from "../../model/spec.ts";
import { penalised } from "../../optimizers/common.ts";
import { find, optionsOf } from "../../registry/parse.ts";
import type { Registry } from "../../registry/registry.ts";
import { f32 } from "../programs.ts";

/** Which parameters a loss improves, and how. */
export interface Improvement {
  /** Tells this optimizer's inputs and slots apart from others of the same program. */
  readonly name: string;
  readonly optimizer: Configured;
  readonly loss: Tensor;
  readonly parameters: readonly Pick<Declaration, "path" | "tensor" | "type">[];
  /** Gradients longer than this are shortened, all together, as `torch.nn.utils.clip_grad_norm_` does it. */
  readonly maxGradNorm?: number | null;
}

const slotPath = (slot: string, path: string): string => `optimizer.${slot}.${path}`;
const scalarInput = (name: string, scalar: string): string => `${name}.${scalar}`;

/** One step of the optimizer. @returns new values of weights and slots, by path: a trace's `updates`. */
export function improve(
  t: Tracer,
  registry: Registry,
  { name, optimizer, loss, parameters, maxGradNorm = null }: Improvement,
): Record<string, Tensor> {
  const { slots, scalars, update } = find(registry.optimizers, optimizer.type, "algorithm.optimizer");
  const options = optionsOf(optimizer);
  const slotNames = Object.keys(slots(options));
  const given = Object.fromEntries(
    Object.keys(scalars(options)(1, 1)).map((scalar) => [scalar, t.input(scalarInput(name, scalar), f32())]),
  );
  const raw = gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  );
  const whole = raw.map((gradient, index) => penalised(gradient, parameters[index]!.tensor, options));
  const updates: Record<string, Tensor> = {};
  for (const [index, gradient] of shortened(whole, maxGradNorm).entries()) {
    const { path, type, tensor } = parameters[index]!;
    const own = Object.fromEntries(slotNames.map((slot) => [slot, t.state(slotPath(slot, path), type)]));
    const updated = update({ parameter: tensor, gradient, slots: own, scalars: given }, options);
    updates[path] = updated.parameter;
    for (const slot of slotNames) updates[slotPath(slot, path)] = updated.slots[slot]!;
  }
  return updates;
}

function shortened(all: readonly Tensor[], limit: number | null): readonly Tensor[] {
  if (limit === null) return all;
  const norm = all
    .map((gradient) => gradient.square().sum())
    .reduce((sum, square) => sum.add(square))
    .sqrt();
  const factor = norm.add(1e-6).reciprocal().mul(limit).minimum(1);
  return all.map((gradient) => gradient.mul(factor));
}

/** What an optimizer's slots of these parameters are, and what they begin with. */
export function slotsOf(
  registry: Registry,
  optimizer: Configured,
  parameters: readonly Pick<Declaration, "path" | "type">[],
): Record<string, { readonly type: TensorType; readonly initial: number }> {
  const initials = find(registry.optimizers, optimizer.type, "algorithm.optimizer").slots(optionsOf(optimizer));
  return Object.fromEntries(
    parameters.flatMap(({ path, type }) =>
      Object.entries(initials).map(([slot, initial]) => [slotPath(slot, path), { type, initial }]),
    ),
  );
}

/** Writes an optimizer's numbers for a step into a program's inputs. @param step counted from 1 */
export function scalarWriter(
  registry: Registry,
  optimizer: Configured,
  name: string,
  inputs: Readonly<Record<string, ArrayLike<number> & { [index: number]: number }>>,
): (step: number, learningRate: number) => void {
  const scalars = find(registry.optimizers, optimizer.type, "algorithm.optimizer").scalars(optionsOf(optimizer));
  return (step, learningRate) => {
    for (const [scalar, value] of Object.entries(scalars(step, learningRate))) {
      const place = inputs[scalarInput(name, scalar)];
      if (place !== undefined) place[0] = value;
    }
  };
}

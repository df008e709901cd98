/**
 * @file A network on the bare engine, for lessons that look inside: a training step as one program, with whatever it is to show
 * beside the loss, and other programs that read the same weights.
 */
import { createMachine, gradients, type Tensor, type Tracer, trace } from "../../src/engine/index.ts";
import { createRegistry } from "../../src/pipelines/index.ts";
import { createRandom, createScope, type Scope } from "../../src/pipelines/plugin.ts";

/** Tensors by name, made from inputs and parameters. */
export type Build = (t: Tracer, scope: Scope) => Readonly<Record<string, Tensor>>;

export interface LearnerOptions {
  /** Its `loss`, a scalar, is what is learned from. */
  readonly build: (t: Tracer, scope: Scope) => Readonly<Record<string, Tensor>> & { readonly loss: Tensor };
  readonly optimizer: { readonly type: string; readonly learningRate: number; readonly momentum?: number };
  readonly seed: number;
  /** Whether each parameter's gradient is shown too, as `gradient.` and its path: the root of its mean square. */
  readonly showGradients?: boolean;
}

type Values = Readonly<Record<string, ArrayLike<number>>>;

export interface Learner {
  /** One step on these inputs. @returns what `build` gave, before the step */
  step(inputs: Values): Readonly<Record<string, Float32Array>>;
  /** A program on the same weights that learns nothing. */
  program(build: Build): (inputs: Values) => Readonly<Record<string, Float32Array>>;
  close(): void;
}

const registry = createRegistry();

export function createLearner({ build, optimizer: chosen, seed, showGradients = false }: LearnerOptions): Learner {
  const rule = registry.optimizers.get(chosen.type)!;
  const options = rule.options.parse({ ...chosen, type: undefined }) as Record<string, unknown>;
  const scalars = rule.scalars(options);
  const slots = rule.slots(options);
  const known = leavesOf(build);
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training: true });
    const { loss, ...shown } = build(t, scope);
    const leaves = [...declarations.leaves.values()];
    const ofLoss = gradients(
      loss,
      leaves.map(({ tensor }) => tensor),
    );
    const numbers = Object.fromEntries(
      Object.keys(scalars(1, 1)).map((name) => [name, t.input(`scalar.${name}`, { dtype: "F32", shape: [] })]),
    );
    const updates: Record<string, Tensor> = {};
    for (const [index, { path, type, tensor }] of leaves.entries()) {
      const own = Object.fromEntries(Object.keys(slots).map((slot) => [slot, t.state(`${slot}/${path}`, type)]));
      const next = rule.update({ parameter: tensor, gradient: ofLoss[index]!, slots: own, scalars: numbers }, options);
      updates[path] = next.parameter;
      for (const [slot, value] of Object.entries(next.slots)) updates[`${slot}/${path}`] = value;
    }
    const sizes = leaves.map(({ path }, index) => [`gradient.${path}`, ofLoss[index]!.square().mean().sqrt()] as const);
    return { outputs: { loss, ...shown, ...(showGradients ? Object.fromEntries(sizes) : {}) }, updates };
  });

  const machine = createMachine();
  const types = known.flatMap(({ path, type }) => [
    [path, type] as const,
    ...Object.keys(slots).map((slot) => [`${slot}/${path}`, type] as const),
  ]);
  const state = machine.createState(Object.fromEntries(types));
  for (const { path, type, initialiser } of known) {
    state.write(path, { ...type, data: initialiser(type.shape, createRandom(seed, "weights", path)) });
  }
  const learning = machine.compile(traced, state);
  let done = 0;
  const fill = (program: typeof learning, inputs: Values): Readonly<Record<string, Float32Array>> => {
    for (const [name, values] of Object.entries(inputs)) program.inputs[name]?.set(values as never);
    program.run();
    return program.outputs as Readonly<Record<string, Float32Array>>;
  };
  return {
    step(inputs) {
      const now = Object.entries(scalars(++done, chosen.learningRate));
      return fill(learning, {
        ...inputs,
        ...Object.fromEntries(now.map(([name, value]) => [`scalar.${name}`, [value]])),
      });
    },
    program(other) {
      const compiled = machine.compile(
        trace((t) => ({ outputs: other(t, createScope(t).scope) })),
        state,
      );
      return (inputs) => fill(compiled, inputs);
    },
    close: () => machine.close(),
  };
}

/** The parameters that a network asks for. */
function leavesOf(build: Build) {
  const found: ReturnType<typeof createScope>["declarations"][] = [];
  trace((t) => {
    const { scope, declarations } = createScope(t, { training: true });
    found.push(declarations);
    return { outputs: build(t, scope) };
  });
  return [...found[0]!.leaves.values()];
}

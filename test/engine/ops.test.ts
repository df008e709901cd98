/** @file Every op of the table, on its own samples: type, reference, gradients, second gradients, decomposition. */
import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/engine/executors/reference/evaluate.ts";
import {
  type Attributes,
  createReference,
  gradients,
  type NdArray,
  type Tensor,
  type Tracer,
} from "../../src/engine/index.ts";
import { OPS, type OpName } from "../../src/engine/ops/index.ts";
import type { CheckedOp, Few, Op, ReferenceArray, Sample } from "../../src/engine/ops/op.ts";
import { constantArray } from "../../src/engine/ops/values.ts";
import {
  applyByName,
  checkGradients,
  isDifferentiable,
  largestDifference,
  materializeAll,
  OP_NAMES,
  project,
  realSamples,
  resultsOf,
  run,
  runOp,
} from "./support/samples.ts";

const reference = createReference();
const differentiable = OP_NAMES.filter(isDifferentiable);
const composite = OP_NAMES.filter((name) => (OPS[name] as Op).decompose !== undefined);

/** One number made of all that an op gives on a sample. */
function projected(name: OpName, { attributes }: Sample<Attributes>, seed: number) {
  return (inputs: Few<Tensor>, tracer: Tracer) =>
    project(Object.values(resultsOf(applyByName(name, inputs, attributes))), tracer, seed);
}

/** The compiler holds this: what lacks samples, as what lacks any other part, is no entry of the table. */
const { samples: _samples, ...withoutSamples } = OPS.tanh;
// @ts-expect-error: `samples` is missing
withoutSamples satisfies CheckedOp;

describe("the reference", () => {
  it.each(OP_NAMES)("of %s writes every element of the type that its rule promises, whatever stood there", (name) => {
    const op: Op = OPS[name];
    for (const sample of [0, 1, 5].flatMap((size) => op.samples(size))) {
      const inputs = materializeAll(sample) as readonly NdArray[] as Few<ReferenceArray>;
      const type = op.type(inputs, sample.attributes);
      const [first, second] = [11, 12].map((rubbish) => {
        const outputs = (type.parts ?? [type]).map((part) => constantArray(part, rubbish));
        op.reference(inputs, outputs[0]!, sample.attributes, outputs, evaluate);
        return outputs.map(({ data }) => Array.from(data));
      });
      expect({ sample, values: first }).toEqual({ sample, values: second });
    }
  });

  it.each(OP_NAMES)("of %s reads nothing outside its inputs", (name) => {
    for (const sample of [1, 5].flatMap((size) => (OPS[name] as Op).samples(size))) {
      const values = Object.values(runOp(reference, name, sample, materializeAll(sample))).flat();
      expect({ sample, strays: values.filter(Number.isNaN) }).toEqual({ sample, strays: [] });
    }
  });
});

describe("the gradient", () => {
  it.each(differentiable)("of %s is what differences show", (name) => {
    for (const sample of [1, 5].flatMap((size) => realSamples(name, size))) {
      const wrong = checkGradients(reference, materializeAll(sample), projected(name, sample, 7));
      expect({ sample, wrong }).toEqual({ sample, wrong: [] });
    }
  });

  it.each(differentiable)("of the gradient of %s is what differences show", (name) => {
    for (const sample of realSamples(name, 4)) {
      const firstGradient = (inputs: Few<Tensor>, tracer: Tracer) => {
        const real = inputs.filter(({ dtype }) => dtype === "F32");
        return project(gradients(projected(name, sample, 7)(inputs, tracer), real), tracer, 8);
      };
      const wrong = checkGradients(reference, materializeAll(sample), firstGradient, 6);
      expect({ sample, wrong }).toEqual({ sample, wrong: [] });
    }
  });
});

describe("the decomposition", () => {
  /** Results, and gradients of their projection, under names that start with `prefix`. */
  function valuesAndGradients(prefix: string, results: readonly Tensor[], real: readonly Tensor[], tracer: Tracer) {
    const found = real.length === 0 ? [] : gradients(project(results, tracer, 3), real);
    return Object.fromEntries([...results, ...found].map((tensor, i) => [`${prefix} ${i}`, tensor]));
  }

  it.each(composite)("of %s has its value and its gradient", (name) => {
    const op: Op = OPS[name];
    for (const sample of [1, 5].flatMap((size) => op.samples(size))) {
      const results = run(reference, materializeAll(sample), (inputs, tracer) => {
        const real = isDifferentiable(name) ? inputs.filter(({ dtype }) => dtype === "F32") : [];
        const whole = applyByName(name, inputs, sample.attributes);
        const simpler = op.decompose!({ inputs, output: whole.node, attributes: sample.attributes });
        return {
          ...valuesAndGradients("whole", Object.values(resultsOf(whole)), real, tracer),
          ...valuesAndGradients("simpler", [simpler].flat(), real, tracer),
        };
      });
      for (const key of Object.keys(results).filter((key) => key.startsWith("whole"))) {
        const difference = largestDifference(results[key]!, results[key.replace("whole", "simpler")]!);
        expect({ key, sample, difference }).toEqual({ key, sample, difference: expect.closeTo(0, 9) });
      }
    }
  });
});

describe("the gradient check", () => {
  it("catches a gradient broken on purpose", () => {
    const tanh = OPS.tanh as { gradient: unknown };
    const right = tanh.gradient;
    const [sample] = realSamples("tanh", 5);
    const wrong = () =>
      checkGradients(reference, materializeAll(sample!), (inputs, tracer) => project([inputs[0].tanh()], tracer, 7));
    try {
      tanh.gradient = [(dy: Tensor, { output }: { output: Tensor }) => dy.mul(output.square().mul(0.99).neg().add(1))];
      expect(wrong()).not.toEqual([]);
    } finally {
      tanh.gradient = right;
    }
    expect(wrong()).toEqual([]);
  });

  it("catches a gradient that a rule leaves out", () => {
    const sub = OPS.sub as { gradient: unknown };
    const right = sub.gradient;
    const [sample] = realSamples("sub", 5);
    try {
      sub.gradient = [null, (dy: Tensor) => dy.neg()];
      const wrong = checkGradients(reference, materializeAll(sample!), (inputs, tracer) =>
        project([inputs[0].sub(inputs[1])], tracer, 7),
      );
      expect(wrong.every(({ input }) => input === 0)).toBe(true);
      expect(wrong).toHaveLength(5);
    } finally {
      sub.gradient = right;
    }
  });
});

/** @file Losses on classes and labels, from logits. */
import { z } from "zod";
import { Fault, type Tensor, type Tracer } from "../../engine/index.ts";
import { defineLoss } from "../registry/define.ts";

const vector = (t: Tracer, values: readonly number[]): Tensor =>
  t.constant({ dtype: "F32", shape: [values.length], data: Float32Array.from(values) });

/** The weight of each row's own class, F32 [batch]. */
const weightOfClass = (t: Tracer, logits: Tensor, labels: Tensor, weights: readonly number[]): Tensor =>
  labels.oneHot(logits.shape.at(-1)!).mul(vector(t, weights)).sum(-1);

export const crossEntropy = defineLoss({
  type: "crossEntropy",
  description: "Softmax cross-entropy on class indices",
  options: z.object({
    labelSmoothing: z.number().min(0).lt(1).default(0).describe("Share of the target spread evenly over all classes"),
    classWeights: z
      .union([z.array(z.number().min(0)), z.record(z.string(), z.number().min(0)), z.literal("balanced")])
      .optional()
      .describe(
        "What a row counts by its class: in the classes' order, by name (others 1), or `balanced`: rows / (classes · rows of that class)",
      ),
  }),
  targets: ["classes"],
  fit({ classWeights, ...options }, { names, counts }) {
    return classWeights === undefined
      ? options
      : { ...options, classWeights: resolveWeights(classWeights, names, counts) };
  },
  perRow(t, logits, labels, { labelSmoothing, classWeights }) {
    const weights = Array.isArray(classWeights) ? classWeights : null;
    const plain = logits.crossEntropy(labels);
    const own = weights === null ? plain : plain.mul(weightOfClass(t, logits, labels, weights));
    if (labelSmoothing === 0) return own;
    // the even share of the target, each class counting its weight, as in PyTorch
    const surprise = logits.logSoftmax(-1).neg();
    const even = (weights === null ? surprise : surprise.mul(vector(t, weights))).mean(-1);
    return own.mul(1 - labelSmoothing).add(even.mul(labelSmoothing));
  },
  rowWeight: (t, logits, labels, { classWeights }) =>
    Array.isArray(classWeights) ? weightOfClass(t, logits, labels, classWeights) : null,
});

function resolveWeights(
  weights: readonly number[] | Readonly<Record<string, number>> | "balanced",
  names: readonly string[],
  counts: readonly number[],
): number[] {
  if (weights === "balanced") {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (count === 0 ? 0 : rows / (names.length * count)));
  }
  const isList = Array.isArray(weights);
  const strangers = isList ? [] : Object.keys(weights).filter((name) => !names.includes(name));
  if ((isList && weights.length !== names.length) || strangers.length > 0) {
    const got = isList ? `${weights.length} weights` : strangers.join(", ");
    throw new Fault("INVALID_PARAMS", `\`loss.classWeights\` does not fit the ${names.length} classes`, {
      violations: [{ path: "loss.classWeights", message: "does not fit the classes", expected: names.join(", "), got }],
      hint: "give one weight for each class, in this order, or an object keyed by class",
    });
  }
  return isList ? [...weights] : names.map((name) => (weights as Readonly<Record<string, number>>)[name] ?? 1);
}

export const binaryCrossEntropy = defineLoss({
  type: "binaryCrossEntropy",
  description: "Sigmoid cross-entropy on labels of 0 and 1, the mean over labels",
  options: z.object({
    positiveWeight: z
      .union([z.number().positive(), z.array(z.number().positive())])
      .default(1)
      .describe("What a yes counts against a no; one number, or one for each label"),
  }),
  targets: ["labels"],
  perRow(t, logits, labels, { positiveWeight }) {
    if (positiveWeight === 1) return logits.softplus().sub(logits.mul(labels)).mean(-1);
    if (Array.isArray(positiveWeight) && positiveWeight.length !== logits.shape.at(-1)) {
      const got = `${positiveWeight.length}`;
      throw new Fault("INVALID_PARAMS", "`loss.positiveWeight` does not fit the labels", {
        violations: [{ path: "loss.positiveWeight", message: "wrong length", expected: `${logits.shape.at(-1)}`, got }],
        hint: "give one number, or one for each label",
      });
    }
    // −w·y·log σ(x) − (1 − y)·log(1 − σ(x)), as PyTorch writes it
    const yes = labels.mul(Array.isArray(positiveWeight) ? vector(t, positiveWeight) : positiveWeight);
    const no = labels.neg().add(1);
    return yes.mul(logits.neg().softplus()).add(no.mul(logits.softplus())).mean(-1);
  },
});

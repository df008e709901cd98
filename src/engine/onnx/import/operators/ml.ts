/** @file The domain `ai.onnx.ml`, as far as networks and the steps before them need it: scalers, linear models, choices of features. */
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { FLOAT, INT64, type Output } from "../value.ts";
import { expectKnown } from "./names.ts";

const vector = (call: Call, values: readonly number[]): Tensor =>
  call.constant({ dtype: "F32", shape: [values.length], data: Float32Array.from(values) });

function scaler(call: Call): Output {
  const x = call.tensor(0).cast("F32");
  return { type: FLOAT, tensor: x.sub(vector(call, call.floats("offset"))).mul(vector(call, call.floats("scale"))) };
}

const NORMS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  MAX: (x) => x.abs().max(-1, { keepDims: true }),
  L1: (x) => x.abs().sum(-1, { keepDims: true }),
  L2: (x) => x.norm(-1, { keepDims: true }),
};

function normalizer(call: Call): Output {
  const x = call.tensor(0).cast("F32");
  const norm = expectKnown(NORMS, call.string("norm", "MAX"), "attribute.norm")(x);
  return { type: FLOAT, tensor: x.div(where(norm.equal(0), 1, norm)) };
}

const TRANSFORMS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  NONE: (x) => x,
  LOGISTIC: (x) => x.sigmoid(),
  SOFTMAX: (x) => x.softmax(-1),
  SOFTMAX_ZERO: (x) => where(x.equal(0), 0, x.softmax(-1)),
};

/** x · coefficientsᵀ + intercepts, rows of coefficients by target. */
function linear(call: Call, targets: number): Tensor {
  const x = call.tensor(0).cast("F32");
  const coefficients = vector(call, call.floats("coefficients")).reshape([targets, -1]);
  const scores = x.matmul(coefficients.transpose());
  return call.has("intercepts") ? scores.add(vector(call, call.floats("intercepts"))) : scores;
}

const transformed = (call: Call, scores: Tensor): Tensor =>
  expectKnown(TRANSFORMS, call.string("post_transform", "NONE"), "attribute.post_transform")(scores);

/** The label is the class of the largest score; classes are whole numbers here. */
function linearClassifier(call: Call): readonly Output[] {
  const labels = call.ints("classlabels_ints");
  const scores = linear(call, call.floats("coefficients").length / call.tensor(0).shape.at(-1)!);
  const all = scores.shape[1] === 1 && labels.length === 2 ? scores.neg().concat([scores], 1) : scores;
  const names = call.constant({ dtype: "I32", shape: [labels.length], data: Int32Array.from(labels) });
  return [
    { type: INT64, tensor: names.gather(all.argMax(-1), 0) },
    { type: FLOAT, tensor: transformed(call, all) },
  ];
}

/** Columns by number, along the last axis. */
function arrayFeatureExtractor(call: Call): Output {
  const x = call.tensor(0);
  const rows = x.shape.length === 1 ? x.reshape([1, x.shape[0]!]) : x;
  return rows.gather(call.tensor(1).reshape([-1]), -1);
}

function imputer(call: Call): Output {
  const x = call.tensor(0);
  if (x.dtype === "I32") {
    const values = call.ints("imputed_value_int64s");
    const filled = call.constant({ dtype: "I32", shape: [values.length], data: Int32Array.from(values) });
    return where(x.equal(call.int("replaced_value_int64", 0)), filled, x);
  }
  const replaced = call.float("replaced_value_float", 0);
  const isMissing = Number.isNaN(replaced) ? x.isNaN() : x.equal(replaced);
  return where(isMissing, vector(call, call.floats("imputed_value_floats")), x);
}

export const ml: Readonly<Record<string, Operator>> = {
  Scaler: scaler,
  Normalizer: normalizer,
  LinearRegressor: (call) => ({ type: FLOAT, tensor: transformed(call, linear(call, call.int("targets", 1))) }),
  LinearClassifier: linearClassifier,
  ArrayFeatureExtractor: arrayFeatureExtractor,
  Imputer: imputer,
  Binarizer: (call) => call.tensor(0).greater(call.float("threshold", 0)).cast("F32"),
};

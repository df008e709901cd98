/** @file Comparisons, logic and selection. Comparisons with NaN are false, but for `notEqual`. */
import type { DType } from "../dtype.ts";
import { expectDType, expectSameDType, expectShape } from "./expect.ts";
import { type CheckedOp, type None, type OnnxForm, op } from "./op.ts";
import { booleans, integers, reals } from "./samples.ts";

function comparison(
  onnx: OnnxForm<None>,
  reference: (a: number, b: number) => boolean,
  dtypes: readonly DType[] = ["F32", "I32"],
): CheckedOp<None> {
  return op<None>({
    type([a, b]) {
      expectDType(a, ...dtypes);
      expectSameDType([a, b]);
      expectShape(b, a.shape, "the second operand");
      return { dtype: "BOOL", shape: a.shape };
    },
    gradient: [null],
    reference([a, b], y) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = Number(reference(a.data[i]!, b.data[i]!));
    },
    onnx,
    samples: (size) => [
      ...(dtypes.includes("F32") ? [{ inputs: [reals([size]), reals([size])], attributes: {} }] : []),
      ...(dtypes.includes("I32")
        ? [{ inputs: [integers([size], -2, 3), integers([size], -2, 3)], attributes: {} }]
        : []),
      ...(dtypes.includes("BOOL") ? [{ inputs: [booleans([size]), booleans([size])], attributes: {} }] : []),
    ],
    pointwise: true,
  });
}

function predicate(onnx: OnnxForm<None>, dtype: DType, reference: (x: number) => boolean): CheckedOp<None> {
  return op<None>({
    type([x]) {
      expectDType(x, dtype);
      return { dtype: "BOOL", shape: x.shape };
    },
    gradient: [null],
    reference([x], y) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = Number(reference(x.data[i]!));
    },
    onnx,
    samples: (size) => [{ inputs: [dtype === "BOOL" ? booleans([size]) : reals([size])], attributes: {} }],
    pointwise: true,
  });
}

const ANY: readonly DType[] = ["F32", "I32", "BOOL"];

export const logic = {
  equal: comparison("Equal", (a, b) => a === b, ANY),
  notEqual: comparison(
    (emit, [a, b]) => emit.node("Not", [emit.node("Equal", [a, b])]),
    (a, b) => a !== b,
    ANY,
  ),
  less: comparison("Less", (a, b) => a < b),
  lessEqual: comparison("LessOrEqual", (a, b) => a <= b),
  greater: comparison("Greater", (a, b) => a > b),
  greaterEqual: comparison("GreaterOrEqual", (a, b) => a >= b),
  logicalAnd: comparison("And", (a, b) => a !== 0 && b !== 0, ["BOOL"]),
  logicalOr: comparison("Or", (a, b) => a !== 0 || b !== 0, ["BOOL"]),
  logicalNot: predicate("Not", "BOOL", (x) => x === 0),
  isNaN: predicate("IsNaN", "F32", Number.isNaN),
  /** Element by element: the second input where the first is true, the third elsewhere. */
  where: op<None>({
    type([condition, ifTrue, ifFalse]) {
      expectDType(condition, "BOOL");
      expectSameDType([ifTrue, ifFalse]);
      expectShape(ifTrue, condition.shape, "the value where true");
      expectShape(ifFalse, condition.shape, "the value where false");
      return { dtype: ifTrue.dtype, shape: condition.shape };
    },
    gradient: [
      null,
      (dy, { inputs: [condition] }) => condition.where(dy, 0),
      (dy, { inputs: [condition] }) => condition.where(0, dy),
    ],
    reference([condition, ifTrue, ifFalse], y) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = condition.data[i] === 0 ? ifFalse.data[i]! : ifTrue.data[i]!;
    },
    onnx(emit, [condition, ifTrue, ifFalse], { output }) {
      if (output.dtype !== "BOOL") return emit.node("Where", [condition, ifTrue, ifFalse]);
      // onnxruntime has no Where of booleans.
      const otherwise = emit.node("And", [emit.node("Not", [condition]), ifFalse]);
      return emit.node("Or", [emit.node("And", [condition, ifTrue]), otherwise]);
    },
    samples: (size) => [
      { inputs: [booleans([size]), reals([size]), reals([size])], attributes: {} },
      { inputs: [booleans([size]), integers([size]), integers([size])], attributes: {} },
      { inputs: [booleans([size]), booleans([size]), booleans([size])], attributes: {} },
    ],
    pointwise: true,
  }),
};

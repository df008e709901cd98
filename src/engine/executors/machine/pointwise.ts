/** @file Which operation of the kernels' register program each pointwise op is, by the dtype that it works on. */
import type { Node } from "../../graph.ts";
import type { OpName } from "../../ops/index.ts";
import * as code from "./kernels/layout.ts";

/** An operation on operands of each dtype; `swap` exchanges the two operands. BOOL is the integers 0 and 1. */
export interface PointwiseForm {
  readonly F32?: number;
  readonly I32?: number;
  readonly BOOL?: number;
  readonly swap?: boolean;
  /** Nanoseconds an element on one thread. */
  readonly cost?: number;
  /** Where the operation is only one form of the op: whether this node has it. The other forms are decomposed. */
  only?(node: Node): boolean;
}

const cheap = 0.08;
const division = 0.25;
const transcendental = 0.7;

const f32 = (operation: number, cost = cheap): PointwiseForm => ({ F32: operation, cost });

const isExact = ({ attributes }: Node) => attributes.approximate === "none";

export const POINTWISE = {
  add: { F32: code.P_ADD, I32: code.P_I_ADD },
  sub: { F32: code.P_SUB, I32: code.P_I_SUB },
  mul: { F32: code.P_MUL, I32: code.P_I_MUL },
  div: { F32: code.P_DIV, I32: code.P_I_DIV, cost: division },
  pow: f32(code.P_POW, 12),
  maximum: { F32: code.P_MAXIMUM, I32: code.P_I_MAXIMUM },
  minimum: { F32: code.P_MINIMUM, I32: code.P_I_MINIMUM },
  neg: { F32: code.P_NEG, I32: code.P_I_NEG },
  abs: { F32: code.P_ABS, I32: code.P_I_ABS },
  sign: { F32: code.P_SIGN, I32: code.P_I_SIGN },
  square: f32(code.P_SQUARE),
  sqrt: f32(code.P_SQRT, division),
  rsqrt: f32(code.P_RSQRT, 2 * division),
  reciprocal: f32(code.P_RECIPROCAL, division),
  exp: f32(code.P_EXP, transcendental),
  expm1: f32(code.P_EXPM1, transcendental),
  log: f32(code.P_LOG, transcendental),
  log1p: f32(code.P_LOG1P, transcendental),
  sin: f32(code.P_SIN, 2 * transcendental),
  cos: f32(code.P_COS, 2 * transcendental),
  tanh: f32(code.P_TANH, transcendental),
  sigmoid: f32(code.P_SIGMOID, transcendental),
  erf: f32(code.P_ERF, transcendental),
  gelu: { F32: code.P_GELU, cost: transcendental, only: isExact },
  geluSlope: { F32: code.P_GELU_SLOPE, cost: transcendental, only: isExact },
  floor: f32(code.P_FLOOR),
  ceil: f32(code.P_CEIL),
  round: f32(code.P_ROUND),
  relu: f32(code.P_RELU),
  equal: { F32: code.P_EQUAL, I32: code.P_I_EQUAL, BOOL: code.P_I_EQUAL },
  notEqual: { F32: code.P_NOT_EQUAL, I32: code.P_I_NOT_EQUAL, BOOL: code.P_I_NOT_EQUAL },
  less: { F32: code.P_LESS, I32: code.P_I_LESS },
  lessEqual: { F32: code.P_LESS_EQUAL, I32: code.P_I_LESS_EQUAL },
  greater: { F32: code.P_LESS, I32: code.P_I_LESS, swap: true },
  greaterEqual: { F32: code.P_LESS_EQUAL, I32: code.P_I_LESS_EQUAL, swap: true },
  isNaN: f32(code.P_IS_NAN),
  logicalAnd: { BOOL: code.P_I_AND },
  logicalOr: { BOOL: code.P_I_OR },
  logicalNot: { BOOL: code.P_I_NOT },
  where: { BOOL: code.P_WHERE },
} satisfies Partial<Record<OpName, PointwiseForm>>;

/** `cast`, by where from and where to. Equal representations are only copied. */
export const CASTS: Readonly<Record<string, number>> = {
  "F32→F32": code.P_COPY,
  "I32→I32": code.P_COPY,
  "BOOL→BOOL": code.P_COPY,
  "BOOL→I32": code.P_COPY,
  "F32→I32": code.P_FLOAT_TO_INT,
  "F32→BOOL": code.P_FLOAT_TO_BOOL,
  "I32→BOOL": code.P_INT_TO_BOOL,
  "I32→F32": code.P_INT_TO_FLOAT,
  "BOOL→F32": code.P_INT_TO_FLOAT,
};

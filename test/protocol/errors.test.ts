/** @file Errors as they travel: a known reason keeps its words, all else is a defect. */
import { expect, it } from "vitest";
import { Fault } from "../../src/engine/fault.ts";
import { ERRORS, isReason, Refusal, toWireError } from "../../src/protocol/index.ts";

it("a refusal travels with code, reason, violations and hint", () => {
  const violations = [{ path: "backbone.hidden[1]", message: "must be positive", expected: "more than 0", got: "-1" }];
  expect(toWireError(new Refusal("INVALID_PARAMS", "no", { violations, hint: "try 64" }))).toEqual({
    code: -32602,
    message: "no",
    data: { reason: "INVALID_PARAMS", retryable: false, violations, hint: "try 64" },
  });
});

it("a fault of the engine travels just the same, with its context", () => {
  expect(toWireError(new Fault("DIVERGED", "the loss became NaN", { context: { step: 12 } }))).toEqual({
    code: 1007,
    message: "the loss became NaN",
    data: { reason: "DIVERGED", retryable: false, context: { step: 12 } },
  });
});

it("so does what is left of it after it passed between threads as plain data", () => {
  expect(toWireError({ reason: "NOT_FOUND", message: "no model `m_9`", hint: "models.list" })).toMatchObject({
    code: 1002,
    message: "no model `m_9`",
    data: { hint: "models.list" },
  });
});

it("overload says when to try again", () => {
  expect(toWireError(new Refusal("OVERLOADED", "256 in flight", { context: { retryAfterMs: 50 } })).data).toEqual({
    reason: "OVERLOADED",
    retryable: true,
    retryAfterMs: 50,
  });
});

it.each([new TypeError("x is undefined"), "text", null, undefined, { reason: "constructor" }])(
  "anything else is an internal error: %s",
  (thrown) => {
    expect(toWireError(thrown)).toMatchObject({
      code: -32603,
      data: { reason: "INTERNAL", hint: expect.stringContaining("defect") },
    });
  },
);

it("every reason of the engine is in the table", () => {
  // The union is checked by the compiler; this list is what a fault may be made with.
  const reasons: Record<Fault["reason"], true> = {
    INVALID_PARAMS: true,
    INVALID_STATE: true,
    NOT_FOUND: true,
    ALREADY_EXISTS: true,
    SHAPE_MISMATCH: true,
    DTYPE_UNSUPPORTED: true,
    NON_FINITE: true,
    DIVERGED: true,
    OUT_OF_MEMORY: true,
    LIMIT_EXCEEDED: true,
    CANCELLED: true,
    ENGINE_CRASHED: true,
    CHECKPOINT_CORRUPT: true,
    PATH_DENIED: true,
    ONNX_OPERATOR_UNSUPPORTED: true,
    DATA_INVALID: true,
    INTERNAL: true,
  };
  expect(Object.keys(reasons).filter((reason) => !isReason(reason))).toEqual([]);
});

it("no two reasons share a code", () => {
  const codes = Object.values(ERRORS).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});

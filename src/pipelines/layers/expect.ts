/** @file What layers expect of a tensor's shape. The error names the layer by its path. */
import { Fault, type Shape, showShape, type Tensor } from "../../engine/index.ts";
import type { Scope } from "./scope.ts";

/** @throws Fault that names the layer, with the shape that it got */
export function refuse(scope: Scope, message: string, expected: string, got: Shape, hint: string): never {
  throw new Fault("SHAPE_MISMATCH", `\`${scope.path}\`: ${message}`, {
    violations: [{ path: scope.path, message, expected, got: showShape(got) }],
    hint,
  });
}

/** @throws Fault unless x is [batch, channels, ...size] with at least one spatial axis; `rank` says how many there must be */
export function expectImage(scope: Scope, x: Tensor, rank = x.shape.length - 2): void {
  const axes = x.shape.length - 2;
  if (axes >= 1 && axes === rank) return;
  const expected = axes < 1 ? "[batch, channels, ...size]" : `[batch, channels, and ${rank} axes of size]`;
  refuse(scope, "not an image that it can work on", expected, x.shape, "give images, or use layers for rows");
}

/** @throws Fault unless x is [batch, time, features] */
export function expectSequence(scope: Scope, x: Tensor): void {
  if (x.shape.length === 3) return;
  refuse(scope, "not a sequence", "[batch, time, features]", x.shape, "give sequences, or use layers for rows");
}

/** @throws Fault when x [batch, time, ...] is longer than the context */
export function expectContext(scope: Scope, x: Tensor, context: number): void {
  const time = x.shape[1]!;
  if (time <= context) return;
  throw new Fault("SHAPE_MISMATCH", `\`${scope.path}\`: a sequence of ${time} is longer than the context`, {
    violations: [
      { path: scope.path, message: "too long", expected: `at most ${context} elements`, got: `${time} elements` },
    ],
    hint: "cut the sequence, or make the model with a longer context",
  });
}

/** @throws Fault unless `groups`, a count of `what`, divides `whole` */
export function expectDivides(scope: Scope, whole: number, groups: number, what: string, x: Tensor): void {
  if (Number.isInteger(groups) && groups >= 1 && whole % groups === 0) return;
  const hint = `make ${whole} a multiple of the ${what}`;
  refuse(scope, `${groups} ${what} do not divide ${whole}`, `a divisor of ${whole}`, x.shape, hint);
}

/** @returns y, what the layer makes of the image x @throws Fault when nothing is left of it */
export function expectSomethingLeft(scope: Scope, x: Tensor, y: Tensor): Tensor {
  if (y.shape.slice(2).every((size) => size > 0)) return y;
  const message = `its window is larger than its input: ${showShape(x.shape)} would shrink to ${showShape(y.shape)}`;
  return refuse(scope, message, "a larger image", x.shape, "use fewer layers, smaller windows or strides, or padding");
}

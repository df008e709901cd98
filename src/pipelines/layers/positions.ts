/** @file Where in a sequence: encodings that are added to its elements. (Rotary embedding is an option of attention.) */
import type { Tensor } from "../../engine/index.ts";
import { expectContext, expectSequence } from "./expect.ts";
import { type Initialiser, normalOf } from "./initialisers.ts";
import { counted } from "./lengths.ts";
import { layer, type Scope } from "./scope.ts";

/** I32 [time]: the places of the elements of x, counted from 0. */
export function placesOf({ past }: Scope, x: Tensor, time: number): Tensor {
  const places = counted(x, time);
  return past === null ? places : places.add(past.count);
}

/** x plus sin(t / base^(2i / width)) in feature 2i and its cosine in 2i + 1 (Vaswani et al. 2017, section 3.5). */
export const sinusoidalPositions = layer(
  "sinusoidalPositions",
  (scope: Scope, x: Tensor, { base = 10_000 }: { readonly base?: number } = {}): Tensor => {
    expectSequence(scope, x);
    const [, time, width] = x.shape as [number, number, number];
    const length = scope.past?.context ?? time;
    return x.add(ownPlaces(scope, x, x.sinusoids(length, width, { base })));
  },
);

/** Of the vectors of all places those of the elements of x. @param vectors [places, width] @returns [time, width] */
function ownPlaces(scope: Scope, x: Tensor, vectors: Tensor): Tensor {
  const [, time, width] = x.shape as [number, number, number];
  if (scope.past !== null) return vectors.gather(placesOf(scope, x, time), 0);
  return time === vectors.shape[0] ? vectors : vectors.slice([0, 0], [time, width]);
}

/**
 * x plus a learned vector for each place up to `context`; N(0, 0.02²) at first (Radford et al. 2019).
 * @param x [batch, time, width]; weight is [context, width] @throws Fault when x is longer than the context
 */
export const learnedPositions = layer(
  "learnedPositions",
  (
    scope: Scope,
    x: Tensor,
    { context, init = normalOf(0.02) }: { readonly context: number; readonly init?: Initialiser },
  ): Tensor => {
    expectSequence(scope, x);
    expectContext(scope, x, context);
    return x.add(ownPlaces(scope, x, scope.parameter("weight", [context, x.shape[2]!], init)));
  },
);

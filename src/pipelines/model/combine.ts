/** @file What the members of an ensemble say, as one answer: formulas on raw outputs, by what is predicted. */
import { concat, stack, type Tensor } from "../../engine/index.ts";
import { dense } from "../layers/dense.ts";
import type { Initialiser } from "../layers/initialisers.ts";
import type { Scope } from "../layers/scope.ts";
import type { EnsembleSpec } from "./spec.ts";

/** @param raws F32 [batch, outputs] of each member: logits, or values on the ensemble's scale. @returns the same of all. */
type Combination = (raws: readonly Tensor[], scope: Scope) => Tensor;

const meanOf = (tensors: readonly Tensor[]): Tensor => stack(tensors, 0).mean(0);

/** Keeps what nobody votes for in the order of the members' mean, and its logarithm finite. */
const TIE_BREAK = 1e-3;
const LEAST = 1e-7;

const withTieBreak = (votes: Tensor, mean: Tensor): Tensor =>
  votes
    .mul(1 - TIE_BREAK)
    .add(mean.mul(TIE_BREAK))
    .clamp(LEAST, 1 - LEAST);

const logit = (probability: Tensor): Tensor => probability.log().sub(probability.neg().log1p());

/** The mean of all members at first: what training then improves (Wolpert 1992, stacked generalisation). */
const meanWeights: Initialiser = ([inputs, outputs]) => {
  const members = inputs! / outputs!;
  const identity = (index: number): number =>
    Math.floor(index / outputs!) % outputs! === index % outputs! ? 1 / members : 0;
  return Float32Array.from({ length: inputs! * outputs! }, (_, index) => identity(index));
};

const stacked: Combination = (raws, scope) =>
  dense(scope.child("stack"), concat(raws, 1), { units: raws[0]!.shape[1]!, init: meanWeights });

/** Kinds of target whose answers can be combined. */
export type Combinable = "classes" | "labels" | "values";

/** Null where it means nothing: numbers cannot be voted on. */
export const COMBINATIONS: Record<Combinable, Record<EnsembleSpec["combine"], Combination | null>> = {
  classes: {
    // log of the mean probability
    average: (raws) =>
      stack(
        raws.map((raw) => raw.logSoftmax(-1)),
        0,
      )
        .logSumExp(0)
        .sub(Math.log(raws.length)),
    vote: (raws) =>
      withTieBreak(
        meanOf(raws.map((raw) => raw.argMax(-1).oneHot(raw.shape[1]!))),
        meanOf(raws.map((raw) => raw.softmax(-1))),
      ).log(),
    stack: stacked,
  },
  labels: {
    average: (raws) => logit(meanOf(raws.map((raw) => raw.sigmoid())).clamp(LEAST, 1 - LEAST)),
    vote: (raws) =>
      logit(
        withTieBreak(
          meanOf(raws.map((raw) => raw.greaterEqual(0).cast("F32"))),
          meanOf(raws.map((raw) => raw.sigmoid())),
        ),
      ),
    stack: stacked,
  },
  values: { average: meanOf, vote: null, stack: stacked },
};

/** @file Distributions over actions, as tensors: several choices with masks, and Gaussians, plain or squashed into bounds. */
import { concat, random, type Tensor } from "../../engine/index.ts";
import { constant } from "../layers/initialisers.ts";
import type { Scope } from "../layers/scope.ts";
import { choicesOf, type Space, spaceSize } from "./spaces.ts";

/** What a policy may do in each of some rows. A raw action is what a rollout keeps: [rows, numbers of an action]. */
export interface Distribution {
  /** One raw action a row. @param rng I32 [4], as all random ops take it */
  sample(rng: Tensor): Tensor;
  /** The same from noise that was drawn elsewhere, see `noiseOf`. */
  drawn(noise: Tensor): Tensor;
  /** The most likely one. */
  mode(): Tensor;
  /** [rows], of raw actions. */
  logProb(raw: Tensor): Tensor;
  /** [rows]. @param raw sampled from this very distribution, for those whose entropy has no formula */
  entropy(raw: Tensor): Tensor;
  /** What the environment takes. */
  applied(raw: Tensor): Tensor;
}

export const DISTRIBUTION_NAMES = [
  "categorical",
  "gaussian",
  "squashedGaussian",
  // Of methods that learn off the policy: the deviation read off the observation, too; no chance at all; the choice of most worth.
  "squashedGaussianByState",
  "deterministic",
  "greedy",
] as const;
export type DistributionName = (typeof DISTRIBUTION_NAMES)[number];

export interface DistributionSpec {
  readonly distribution: DistributionName;
  readonly logStdInit: number;
}

/** How many numbers the network has to give a row. */
export function parametersOf(action: Space, distribution?: DistributionName): number {
  if (distribution === "squashedGaussianByState") return 2 * spaceSize(action);
  if (action.type === "box" || action.type === "multiBinary") return spaceSize(action);
  return choicesOf(action)!.reduce((sum, count) => sum + count, 0);
}

/** How many bits the mask of a row has: one for each choice; 0 where nothing can be masked. */
export function maskWidth(action: Space): number {
  return choicesOf(action)?.reduce((sum, count) => sum + count, 0) ?? 0;
}

/** The noise that a raw action is drawn from: how many numbers a row, and of which kind. */
export function noiseOf(action: Space): { readonly width: number; readonly kind: "uniform" | "normal" } {
  return action.type === "box"
    ? { width: spaceSize(action), kind: "normal" }
    : { width: maskWidth(action), kind: "uniform" };
}

/** @param parameters F32 [rows, parametersOf(action, distribution)] @param mask BOOL [rows, maskWidth(action)]: what may be chosen */
export function distributionOf(
  scope: Scope,
  action: Space,
  { distribution, logStdInit }: DistributionSpec,
  parameters: Tensor,
  mask: Tensor | null,
): Distribution {
  if (action.type !== "box") {
    const all = choices(action, parameters, mask);
    return distribution === "greedy" ? certain(all, parameters) : all;
  }
  if (distribution === "squashedGaussianByState") return gaussianByState(action, parameters);
  if (distribution === "deterministic") {
    return certain(gaussian(action, parameters, parameters.constant(0), true), parameters);
  }
  const shape = [spaceSize(action)];
  const logStd = scope.parameter("logStd", shape, constant(logStdInit));
  return gaussian(action, parameters, logStd, distribution === "squashedGaussian");
}

/** The most likely action, always. */
function certain(distribution: Distribution, parameters: Tensor): Distribution {
  const none = parameters.constant(0).broadcastTo([parameters.shape[0]!]);
  return {
    ...distribution,
    sample: distribution.mode,
    drawn: distribution.mode,
    logProb: () => none,
    entropy: () => none,
  };
}

/** Between which the logarithm of a deviation read off the observation lies, by a tanh (as CleanRL has it). */
const [LEAST_LOG_STD, MOST_LOG_STD] = [-5, 2];

/** @param parameters [rows, 2 n]: means, then what becomes the logarithms of deviations */
function gaussianByState(action: Extract<Space, { type: "box" }>, parameters: Tensor): Distribution {
  const size = spaceSize(action);
  const [mean, spread] = parameters.split([size, size], 1) as [Tensor, Tensor];
  const logStd = spread
    .tanh()
    .add(1)
    .mul((MOST_LOG_STD - LEAST_LOG_STD) / 2)
    .add(LEAST_LOG_STD);
  return gaussian(action, mean, logStd, true);
}

/** Finite, so that a row in which all is masked stays a distribution: a uniform one (Huang and Ontañón 2022 use the same). */
const MASKED = -1e8;

/** One or several choices a row, each by a softmax of its own. Switches are choices between 0 and their logit. */
function choices(action: Exclude<Space, { type: "box" }>, parameters: Tensor, mask: Tensor | null): Distribution {
  const rows = parameters.shape[0]!;
  const counts = choicesOf(action)!;
  const all = action.type === "multiBinary" ? withOff(parameters) : parameters;
  const allowed = mask === null ? all : mask.where(all, MASKED);
  const alike = counts.every((count) => count === counts[0]);
  /** [rows, choices, options] */
  const parts = alike
    ? [allowed.reshape([rows, counts.length, counts[0]!])]
    : allowed.split(counts, 1).map((part) => part.reshape([rows, 1, part.shape[1]!]));
  const logs = parts.map((part) => part.logSoftmax(-1));
  const start = action.type === "discrete" ? (action.start ?? 0) : 0;
  /** Gumbel's trick: the largest logit, each with noise of its own. */
  const drawn = (noise: Tensor): Tensor => {
    const pieces = alike ? [noise] : noise.split(counts, 1);
    return joined(
      parts.map((part, index) => part.add(pieces[index]!.reshape(part.shape).log().neg().log().neg()).argMax(-1)),
    );
  };
  return {
    sample: (rng) => drawn(random.uniform(rng, [rows, maskWidth(action)])),
    drawn,
    mode: () => joined(parts.map((part) => part.argMax(-1))),
    logProb(raw) {
      const chosen = alike ? [raw] : raw.split(new Array<number>(counts.length).fill(1), 1);
      return added(
        logs.map((log, index) => {
          const own = chosen[index]!;
          return log.takeAlong(own.reshape([...own.shape, 1]), -1).sum([1, 2]);
        }),
      );
    },
    entropy: () => added(logs.map((log) => log.mul(log.exp()).sum([1, 2]).neg())),
    applied: (raw) => (start === 0 ? raw : raw.add(start)),
  };
}

/** [rows, n] logits to [rows, 2 n]: off, which has logit 0, before on. */
function withOff(logits: Tensor): Tensor {
  const [rows, count] = logits.shape as [number, number];
  const on = logits.reshape([rows, count, 1]);
  const off = logits.constant(0).broadcastTo([rows, count, 1]);
  return concat([off, on], 2).reshape([rows, 2 * count]);
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : concat(parts, 1));
const added = (parts: readonly Tensor[]): Tensor => parts.reduce((sum, part) => sum.add(part));

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/**
 * Independent Gaussians of one standard deviation for all rows. Their actions are clipped to the bounds when they are
 * applied; squashed, they pass through tanh and are stretched to the bounds, and the density follows (Haarnoja et al. 2018,
 * appendix C).
 */
function gaussian(
  action: Extract<Space, { type: "box" }>,
  mean: Tensor,
  logStd: Tensor,
  isSquashed: boolean,
): Distribution {
  const deviation = logStd.exp();
  const bound = (values: readonly number[]): Tensor =>
    mean.constant({ dtype: "F32", shape: [values.length], data: Float32Array.from(values) });
  const logProb = (raw: Tensor): Tensor => {
    const plain = raw.sub(mean).div(deviation).square().mul(-0.5).sub(logStd).sub(HALF_LOG_2PI).sum([1]);
    if (!isSquashed) return plain;
    // log(1 − tanh²u) = 2 (log 2 − u − softplus(−2u)), without the loss of digits
    const slope = raw.add(raw.mul(-2).softplus()).neg().add(Math.log(2)).mul(2);
    return plain.sub(slope.sum([1]));
  };
  const drawn = (noise: Tensor): Tensor => mean.add(noise.mul(deviation));
  return {
    sample: (rng) => drawn(random.normal(rng, mean.shape)),
    drawn,
    mode: () => mean,
    logProb,
    entropy: (raw) =>
      isSquashed
        ? logProb(raw).neg()
        : logStd
            .add(0.5 + HALF_LOG_2PI)
            .sum()
            .broadcastTo([mean.shape[0]!]),
    applied(raw) {
      const [low, high] = [bound(action.low), bound(action.high)];
      if (!isSquashed) return raw.maximum(low).minimum(high);
      return raw.tanh().add(1).mul(0.5).mul(high.sub(low)).add(low);
    },
  };
}

/** @file Heads that place rows so that what belongs together lies close: a projection to vectors of length 1. */
import { z } from "zod";
import { Fault, random, showShape, stack, type Tensor } from "../../engine/index.ts";
import { dense } from "../layers/dense.ts";
import { INITIALISERS } from "../layers/initialisers.ts";
import type { Scope } from "../layers/scope.ts";
import { defineHead } from "../registry/define.ts";

const projection = {
  dimensions: z.int().min(1).max(65_536).default(64).describe("Numbers of an embedding"),
  hidden: z
    .array(z.int().min(1).max(65_536))
    .max(16)
    .default([])
    .describe("Units of dense layers with ReLU before the last one"),
};

const views = {
  noise: z
    .number()
    .min(0)
    .default(0.1)
    .describe("Of the views made in training: deviation of what is added, on the scale after preprocessing"),
  mask: z.number().min(0).lt(1).default(0.1).describe("Of these views: share of the numbers set to zero"),
};

/** Rows on the unit sphere. @param x [..., dimensions] */
export function unitVectors(x: Tensor): Tensor {
  return x.div(x.square().sum(-1, { keepDims: true }).add(1e-12).sqrt());
}

function project(scope: Scope, features: Tensor, { hidden, dimensions }: { hidden: number[]; dimensions: number }) {
  const flat = features.reshape([features.shape[0]!, -1]);
  const inside = hidden.reduce(
    (y, units, index) => dense(scope.child(`layers.${index}`), y, { units, init: INITIALISERS.heUniform }).relu(),
    flat,
  );
  return unitVectors(dense(scope.child("output"), inside, { units: dimensions, init: INITIALISERS.xavierUniform }));
}

/** A row changed at random, each time another way. */
function changed(scope: Scope, x: Tensor, { noise, mask }: { noise: number; mask: number }): Tensor {
  const rng = scope.random!;
  const noisy = noise === 0 ? x : x.add(random.normal(rng, x.shape).mul(noise));
  return mask === 0 ? noisy : random.uniform(rng, x.shape).greaterEqual(mask).where(noisy, 0);
}

/** Two views of each row while training, its two augmentations where there are any; else the row: [batch, views, ...]. */
function viewsOf(scope: Scope, x: Tensor, options: { noise: number; mask: number }, second: Tensor = x): Tensor {
  const [batch, ...shape] = x.shape as [number, ...number[]];
  if (!scope.training || scope.random === null) return x.reshape([batch, 1, ...shape]);
  return stack([changed(scope, x, options), changed(scope, second, options)], 1);
}

/** An embedding for each row; of pairs, one for each of the two. */
const embeddings = (raw: Tensor): Readonly<Record<string, Tensor>> => {
  const [batch, count, width] = raw.shape as [number, number, number];
  return { embeddings: count === 1 ? raw.reshape([batch, width]) : raw };
};

export const contrastive = defineHead({
  type: "contrastive",
  description:
    "Embeddings in which two views of a row, or the two of a pair, lie closer than any others (Chen et al. 2020, SimCLR)",
  options: z.object({
    ...projection,
    pairs: z
      .boolean()
      .default(false)
      .describe("Whether each row is a pair, [2, ...], instead of being viewed twice in training"),
    ...views,
  }),
  target: "none",
  judged: () => "embeddings",
  views(scope, x, { pairs, noise, mask }, second) {
    if (!pairs) return viewsOf(scope, x, { noise, mask }, second);
    if (x.shape.length > 2 && x.shape[1] === 2) return x;
    const got = showShape(x.shape.slice(1));
    throw new Fault("SHAPE_MISMATCH", `\`${scope.path}\`: rows are no pairs`, {
      violations: [{ path: scope.path, message: "not a pair", expected: "[2, ...]", got }],
      hint: "give rows as [2, ...features], or leave `pairs` out",
    });
  },
  build: (scope, features, options) => project(scope, features, options),
  results: embeddings,
  running(raw) {
    const [batch, count, width] = raw.shape as [number, number, number];
    const view = (index: number) => raw.slice([0, index, 0], [batch, index + 1, width]).reshape([batch, width]);
    const nearest = view(0)
      .matmul(view(count - 1).transpose())
      .argMax(-1);
    const own = raw.constant({ dtype: "I32", shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i) });
    return { accuracy: nearest.equal(own).cast("F32") };
  },
});

export const supervisedContrastive = defineHead({
  type: "supervisedContrastive",
  description: "Embeddings in which rows of one class lie close (Khosla et al. 2020)",
  options: z.object({ ...projection, ...views }),
  target: "classes",
  judged: () => "labelledEmbeddings",
  views: (scope, x, { noise, mask }, second) => viewsOf(scope, x, { noise, mask }, second),
  build: (scope, features, options) => project(scope, features, options),
  results: embeddings,
});

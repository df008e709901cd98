/** @file Losses on embeddings: of each row among the others of its batch. */
import { z } from "zod";
import { concat, type Tensor } from "../../engine/index.ts";
import { defineLoss } from "../registry/define.ts";

const temperature = z
  .number()
  .positive()
  .max(100)
  .default(0.1)
  .describe("Divides the similarities: the smaller, the more the nearest count");

/** What weighs nothing in a softmax. */
const HIDDEN = -1e30;

/** All embeddings of a batch below each other, view by view. @param x [batch, views, width] */
function below(x: Tensor): Tensor[] {
  const [batch, views, width] = x.shape as [number, number, number];
  const view = (index: number) => x.slice([0, index, 0], [batch, index + 1, width]).reshape([batch, width]);
  return Array.from({ length: Math.max(2, views) }, (_, index) => view(Math.min(index, views - 1)));
}

/** BOOL [count, count]: whom each may be compared with, which is neither itself nor a row that is not there. */
function others(like: Tensor, weight: Tensor, views: number): Tensor {
  const [batch] = weight.shape as [number];
  const count = batch * views;
  const data = new Uint8Array(count * count).fill(1);
  for (let index = 0; index < count; index++) data[index * count + index] = 0;
  const present = concat(new Array<Tensor>(views).fill(weight.greater(0).cast("F32")), 0).greater(0);
  return like.constant({ dtype: "BOOL", shape: [count, count], data }).logicalAnd(present.reshape([1, count]));
}

/** The mean over a row's views. @param each [views · batch] */
const byRow = (each: Tensor, views: number): Tensor => each.reshape([views, -1]).mean(0);

export const ntXent = defineLoss({
  type: "ntXent",
  description:
    "InfoNCE, normalised and scaled by a temperature: each row finds its other view among all of the batch (Chen et al. 2020, equation 1)",
  options: z.object({ temperature }),
  targets: ["embeddings"],
  perRow(_t, output, _target, { temperature: by }, { weight }) {
    const [first, second] = below(output) as [Tensor, Tensor];
    const all = concat([first, second], 0);
    const scores = others(all, weight, 2).where(all.matmul(all.transpose()).div(by), HIDDEN);
    const own = first.mul(second).sum(-1).div(by);
    return byRow(scores.logSumExp(-1).sub(concat([own, own], 0)), 2);
  },
});

export const supervisedContrastive = defineLoss({
  type: "supervisedContrastive",
  description:
    "Each row finds all others of its class among those of the batch (Khosla et al. 2020, equation 2); a row alone in its class counts 0",
  options: z.object({ temperature }),
  targets: ["labelledEmbeddings"],
  perRow(_t, output, target, { temperature: by }, { weight }) {
    const parts = below(output);
    const views = parts.length;
    const all = concat(parts, 0);
    const count = all.shape[0]!;
    const comparable = others(all, weight, views);
    const scores = comparable.where(all.matmul(all.transpose()).div(by), HIDDEN);
    const classes = concat(new Array<Tensor>(views).fill(target), 0);
    const isSame = classes
      .reshape([count, 1])
      .equal(classes.reshape([1, count]))
      .logicalAnd(comparable);
    const surprise = scores.logSumExp(-1, { keepDims: true }).sub(scores);
    const friends = isSame.cast("F32").sum(-1);
    return byRow(isSame.where(surprise, 0).sum(-1).div(friends.maximum(1)), views);
  },
});

/** @file Attention as ONNX writes it since opset 23: caches, masks of numbers or truths, shared heads, soft caps; rotary embedding. */
import { concat, type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import type { Output } from "../value.ts";

/** [batch, time, heads · width] → [batch, heads, time, width]. */
function apart(x: Tensor, heads: number): Tensor {
  const [batch, time, features] = x.shape as [number, number, number];
  return x.reshape([batch, time, heads, features / heads]).permute([0, 2, 1, 3]);
}

function together(x: Tensor): Tensor {
  const [batch, heads, time, width] = x.shape as [number, number, number, number];
  return x.permute([0, 2, 1, 3]).reshape([batch, time, heads * width]);
}

const counting = (like: Tensor, count: number, shape: readonly number[]): Tensor =>
  like.constant({ dtype: "I32", shape, data: Int32Array.from({ length: count }, (_, i) => i) });

/** What is added to the scores, −∞ where a query may not look; it broadcasts to [batch, heads, queries, keys]. */
function biasOf(call: Call, queries: number, keys: number, past: number): Tensor {
  const like = call.tensor(0);
  const lengths = call.optional(6);
  const none = like.constant(0).broadcastTo([1, 1, queries, keys]);
  const hide = (allowed: Tensor, bias: Tensor): Tensor => where(allowed, bias, Number.NEGATIVE_INFINITY);
  let bias = none;
  const mask = call.optional(3);
  if (mask !== undefined) {
    const missing = keys - mask.shape.at(-1)!;
    const numbers = mask.dtype === "BOOL" ? where(mask, mask.constant(0), Number.NEGATIVE_INFINITY) : mask;
    const zeros = numbers.shape.map(() => 0);
    bias = bias.add(numbers.pad(zeros, zeros.with(-1, missing), Number.NEGATIVE_INFINITY));
  }
  const key = counting(like, keys, [1, 1, 1, keys]);
  const first = lengths === undefined ? like.constant(past, "I32") : lengths.reshape([-1, 1, 1, 1]).sub(queries);
  const query = counting(like, queries, [1, 1, queries, 1]).add(first);
  if (call.int("is_causal", 0) === 1) bias = hide(key.lessEqual(query), bias);
  const [left, right] = [call.int("left_window_size", -1), call.int("right_window_size", -1)];
  if (left >= 0) bias = hide(query.sub(key).lessEqual(left), bias);
  if (right >= 0) bias = hide(key.sub(query).lessEqual(right), bias);
  return lengths === undefined ? bias : hide(key.less(lengths.reshape([-1, 1, 1, 1])), bias);
}

/** Each key head serves several query heads. */
function repeated(x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [batch, heads, time, width] = x.shape as [number, number, number, number];
  return x
    .reshape([batch, heads, 1, time, width])
    .broadcastTo([batch, heads, times, time, width])
    .reshape([batch, heads * times, time, width]);
}

function attention(call: Call): readonly Output[] {
  const isFlat = call.tensor(0).shape.length === 3;
  const heads = (index: number, name: string): Tensor => {
    const x = call.tensor(index);
    return isFlat ? apart(x, call.int(name)) : x;
  };
  const queries = heads(0, "q_num_heads");
  const [pastKeys, pastValues] = [call.optional(4), call.optional(5)];
  const join = (past: Tensor | undefined, now: Tensor): Tensor => (past === undefined ? now : concat([past, now], 2));
  const keys = join(pastKeys, heads(1, "kv_num_heads"));
  const values = join(pastValues, heads(2, "kv_num_heads"));
  const scale = call.float("scale", 1 / Math.sqrt(queries.shape[3]!));
  const times = queries.shape[1]! / keys.shape[1]!;
  const scores = queries.mul(scale).matmul(repeated(keys, times).transpose());
  const cap = call.float("softcap", 0);
  const capped = cap > 0 ? scores.div(cap).tanh().mul(cap) : scores;
  const bias = biasOf(call, queries.shape[2]!, keys.shape[2]!, pastKeys?.shape[2] ?? 0).broadcastTo(scores.shape);
  const allowed = bias.greater(Number.NEGATIVE_INFINITY);
  const biased = where(allowed, capped.add(where(allowed, bias, 0)), Number.NEGATIVE_INFINITY);
  const anywhere = bias.max(-1, { keepDims: true }).greater(Number.NEGATIVE_INFINITY);
  const weights = where(anywhere, where(anywhere, biased, 0).softmax(-1), 0);
  const result = weights.matmul(repeated(values, times));
  const shown = [scores, capped, biased, weights][call.int("qk_matmul_output_mode", 0)]!;
  return [isFlat ? together(result) : result, keys, values, shown];
}

/** Su et al. 2021: pairs of features, turned by the angles whose cosine and sine come in. */
function rotaryEmbedding(call: Call): Output {
  const x = call.tensor(0);
  const isFlat = x.shape.length === 3;
  const heads = isFlat ? apart(x, call.int("num_heads")) : x;
  const width = heads.shape[3]!;
  const turned = call.int("rotary_embedding_dim", 0) || width;
  const [batch, , time] = heads.shape as [number, number, number];
  const positions = call.optional(3);
  const angles = (cache: Tensor): Tensor =>
    (positions === undefined ? cache : cache.gather(positions, 0)).reshape([-1, 1, time, turned / 2]);
  const [cos, sin] = [angles(call.tensor(1)), angles(call.tensor(2))];
  const [part, rest] = heads.split([turned, width - turned], 3) as [Tensor, Tensor];
  const isInterleaved = call.int("interleaved", 0) === 1;
  const [a, b] = halves(part, isInterleaved);
  const [first, second] = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
  const count = heads.shape[1]!;
  const whole = isInterleaved
    ? concat(
        [first, second].map((half) => half.reshape([batch, count, time, turned / 2, 1])),
        4,
      ).reshape(part.shape)
    : concat([first, second], 3);
  const result = turned === width ? whole : concat([whole, rest], 3);
  return isFlat ? together(result) : result;
}

/** Neighbours, or the first half with the second. */
function halves(x: Tensor, isInterleaved: boolean): [Tensor, Tensor] {
  const [batch, heads, time, width] = x.shape as [number, number, number, number];
  if (!isInterleaved) return x.split([width / 2, width / 2], 3) as [Tensor, Tensor];
  const pairs = x.reshape([batch, heads, time, width / 2, 2]);
  return pairs.split([1, 1], 4).map((half) => half.reshape([batch, heads, time, width / 2])) as [Tensor, Tensor];
}

export const attentions: Readonly<Record<string, Operator>> = {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
};

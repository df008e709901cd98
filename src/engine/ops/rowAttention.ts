/**
 * @file Attention as executors know it whole: heads stand side by side in rows, [batch, time, heads, width], as dense layers
 * give and take them; and its gradients, which compute the weights again instead of keeping them.
 */
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { forEachIndex, positionOf } from "./loops.ts";
import { type Few, type GradientRule, op, type ReferenceArray, type Sample, type SampleInput } from "./op.ts";
import { booleans, reals } from "./samples.ts";

export type AttentionForm = { causal: boolean; scale: number };

/** Where a key must not be looked at: low enough to weigh nothing, finite so that a row of nothing else stays a number. */
const HIDDEN = -1e30;

/** [batch, time, heads, width] ↔ [batch, heads, time, width]. */
const turned = (x: Tensor): Tensor => x.permute([0, 2, 1, 3]);

/** Which axis is time's, of four; heads have the other of 1 and 2. */
type TimeAxis = 1 | 2;

/** Sizes of a node's axes; query heads are `sharing` for each key head. */
export function sizes([queries, keys, values]: readonly TensorType[], time: TimeAxis = 1) {
  const [batch, width] = [queries!.shape[0]!, queries!.shape[3]!];
  const [t, s, valueWidth] = [queries!.shape[time]!, keys!.shape[time]!, values!.shape[3]!];
  const [heads, keyHeads] = [queries!.shape[3 - time]!, keys!.shape[3 - time]!];
  return { batch, t, s, heads, keyHeads, sharing: heads / keyHeads, width, valueWidth };
}

/** Refuses queries, keys, values and a mask that don't belong together. */
export function expectFitting(inputs: Few<TensorType>, time: TimeAxis = 1): void {
  const [queries, keys, values, mask] = inputs;
  for (const input of [queries, keys, values]) {
    expectDType(input, "F32");
    expectRank(input, 4, "queries, keys and values", 4);
  }
  const { batch, t, s, heads, keyHeads, width, valueWidth } = sizes(inputs, time);
  const along = time === 1 ? [s, keyHeads] : [keyHeads, s];
  expectShape(keys, [batch, ...along, width], "the keys");
  expectShape(values, [batch, ...along, valueWidth], "the values");
  expectThat(
    keyHeads > 0 && heads % keyHeads === 0,
    `${heads} heads on ${keyHeads}`,
    "key heads must divide the heads",
  );
  if (mask === undefined) return;
  expectDType(mask, "BOOL");
  const scores = [batch, heads, t, s];
  expectThat(
    sameShape(broadcastShapes(mask.shape, scores), scores),
    `a mask of ${showShape(mask.shape)} for scores of ${showShape(scores)}`,
    "the mask must broadcast to [batch, heads, queries, keys]",
  );
}

/** Operands as matrices of each key head, whose rows are those of all query heads that share it: [batch, key heads, sharing · t, …]. */
function matricesOf(queries: Tensor, keys: Tensor, values: Tensor) {
  const { batch, t, keyHeads, sharing, width } = sizes([queries, keys, values]);
  const rows = turned(queries).reshape([batch, keyHeads, sharing * t, width]);
  return [rows, turned(keys), turned(values)] as const;
}

/** softmax(scale · queries · keysᵀ) where a query may look, zeros elsewhere: [batch, key heads, sharing · t, s]. */
function weightsOf(inputs: Few<Tensor>, { causal, scale }: AttentionForm): Tensor {
  const [queries, keys, values, mask] = inputs;
  const { batch, t, s, heads, keyHeads, sharing } = sizes(inputs);
  const [rows, columns] = matricesOf(queries, keys, values);
  const scores = rows.matmul(columns.transpose()).mul(scale).reshape([batch, heads, t, s]);
  const masks = [...(mask === undefined ? [] : [mask]), ...(causal ? [queries.causalMask(t, s)] : [])];
  const visible = masks.reduce<Tensor | null>((all, next) => all?.logicalAnd(next) ?? next, null);
  const weights = visible === null ? scores.softmax(-1) : visible.where(visible.where(scores, HIDDEN).softmax(-1), 0);
  return weights.reshape([batch, keyHeads, sharing * t, s]);
}

/** What flows back through `weights` · values and the softmax, given `dy` [batch, t, heads, value width]: to queries, keys and values. */
function gradientsOf(dy: Tensor, inputs: Few<Tensor>, form: AttentionForm): Tensor[] {
  const [queries, keys, values] = inputs;
  const [rows, columns, blended] = matricesOf(queries, keys, values);
  const { batch, t, heads, width, keyHeads, sharing, valueWidth } = sizes(inputs);
  const weights = weightsOf(inputs, form);
  const flowing = turned(dy).reshape([batch, keyHeads, sharing * t, valueWidth]);
  const weighted = weights.mul(flowing.matmul(blended.transpose()));
  const ofScores = weighted.sub(weights.mul(weighted.sum(-1, { keepDims: true }))).mul(form.scale);
  return [
    turned(ofScores.matmul(columns).reshape([batch, heads, t, width])),
    turned(ofScores.transpose().matmul(rows)),
    turned(weights.transpose().matmul(flowing)),
  ];
}

/** A key's feature in keys and values. */
const placeOf = (b: number, key: number, keyHead: number, i: number, time: TimeAxis): number[] =>
  time === 1 ? [b, key, keyHead, i] : [b, keyHead, key, i];

/** Calls `visit` with each query's place, [b, query, h] or [b, h, query], its key head, and its weights by key. */
function forEachQuery(
  [queries, keys, values, mask]: Few<ReferenceArray>,
  { causal, scale }: AttentionForm,
  visit: (place: readonly [number, number, number], keyHead: number, weights: readonly number[]) => void,
  time: TimeAxis = 1,
): void {
  const { t, s, sharing, width } = sizes([queries, keys, values], time);
  const maskShape: Shape =
    mask === undefined ? [] : [...new Array<number>(4 - mask.shape.length).fill(1), ...mask.shape];
  forEachIndex(queries.shape.slice(0, 3), (index) => {
    const place = index as [number, number, number];
    const [b, query, h] = [place[0], place[time], place[time === 1 ? 2 : 1]];
    const keyHead = Math.floor(h / sharing);
    const scores = Array.from({ length: s }, (_, key) => {
      const marked = [b, h, query, key].map((i, axis) => (maskShape[axis] === 1 ? 0 : i));
      const isHidden =
        (causal && key > query + s - t) || (mask !== undefined && mask.data[positionOf(marked, maskShape)] === 0);
      if (isHidden) return Number.NEGATIVE_INFINITY;
      let score = 0;
      for (let i = 0; i < width; i++) {
        score +=
          queries.data[positionOf([...place, i], queries.shape)]! *
          keys.data[positionOf(placeOf(b, key, keyHead, i, time), keys.shape)]!;
      }
      return scale * score;
    });
    const top = Math.max(...scores);
    const powers = scores.map((score) => (score === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - top)));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const weights = powers.map((power) => (total === 0 ? 0 : power / total));
    visit(place, keyHead, weights);
  });
}

/** Writes to `y` the values of each query's keys by their weights. */
export function blend(inputs: Few<ReferenceArray>, y: ReferenceArray, form: AttentionForm, time: TimeAxis = 1): void {
  const [, , values] = inputs;
  forEachQuery(
    inputs,
    form,
    (place, keyHead, weights) => {
      const valueAt = (key: number, i: number): number =>
        values.data[positionOf(placeOf(place[0], key, keyHead, i, time), values.shape)]!;
      for (let i = 0; i < y.shape[3]!; i++) {
        y.data[positionOf([...place, i], y.shape)] = weights.reduce(
          (sum, weight, key) => sum + weight * valueAt(key, i),
          0,
        );
      }
    },
    time,
  );
}

/** Inputs as of `attention`, with heads beside time. */
function inputsOf(size: number): Sample<AttentionForm>[] {
  const shared = [reals([2, 5, 4, 2]), reals([2, size, 2, 2]), reals([2, size, 2, 3])];
  const square = (width: number, heads: number): SampleInput[] =>
    new Array<SampleInput>(3).fill(reals([1, size, heads, width], -2, 2));
  const few: Sample<AttentionForm>[] = [
    { inputs: square(3, 1), attributes: { causal: true, scale: 0.5 } },
    { inputs: shared, attributes: { causal: false, scale: 1 } },
    { inputs: [...shared, booleans([2, 1, 5, size])], attributes: { causal: false, scale: 0.7 } },
    { inputs: [...shared, booleans([5, size])], attributes: { causal: true, scale: 1 } },
  ];
  if (size > 100) return few.slice(1);
  return [
    ...few,
    { inputs: square(9, 2), attributes: { causal: true, scale: 0.3 } },
    { inputs: [...square(16, 1), booleans([2, size, 1].slice(1))], attributes: { causal: true, scale: 2 } },
  ];
}

/** Of an input of `rowAttention`: one result of a node that its other inputs share. */
const flowing: GradientRule<AttentionForm> = (dy, { inputs, attributes, index }) =>
  dy.op("rowAttentionGradients", attributes, ...inputs).part(index);

export const rowAttention = {
  /**
   * `attention` of queries [batch, t, heads, width], keys [batch, s, key heads, width] and values [batch, s, key heads, value
   * width], to [batch, t, heads, value width]: heads side by side in each row.
   */
  rowAttention: op<AttentionForm>({
    type(inputs) {
      expectFitting(inputs);
      const { batch, t, heads, valueWidth } = sizes(inputs);
      return { dtype: "F32", shape: [batch, t, heads, valueWidth] };
    },
    gradient: [flowing, flowing, flowing, null],
    reference: (inputs, y, form) => blend(inputs, y, form),
    onnx: { form: "decomposition" },
    samples: inputsOf,
    cost: ({ shape, inputs: [, keys] }) => 4 * sizeOf(shape) * keys!.shape[1]!,
    decompose({ inputs, output, attributes }) {
      const [queries, keys, values] = inputs;
      const [, , blended] = matricesOf(queries, keys, values);
      const [batch, t, heads, width] = output.shape as [number, number, number, number];
      return turned(weightsOf(inputs, attributes).matmul(blended).reshape([batch, heads, t, width]));
    },
  }),
  /**
   * The gradients of `rowAttention` with respect to queries, keys and values, from that of its result [batch, t, heads,
   * value width], which comes first, and its inputs.
   */
  rowAttentionGradients: op<AttentionForm>({
    type([dy, ...others]) {
      const inputs = others as readonly TensorType[] as Few<TensorType>;
      expectFitting(inputs);
      const { batch, t, heads, valueWidth } = sizes(inputs);
      expectDType(dy, "F32");
      expectShape(dy, [batch, t, heads, valueWidth], "the result's gradient");
      const parts = inputs.slice(0, 3).map(({ shape }): TensorType => ({ dtype: "F32", shape }));
      return { ...parts[0]!, parts };
    },
    reference([dy, ...others], _first, form, outputs) {
      const inputs = others as readonly ReferenceArray[] as Few<ReferenceArray>;
      const [queries, keys, values] = inputs;
      const [ofQueries, ofKeys, ofValues] = outputs as readonly [ReferenceArray, ReferenceArray, ReferenceArray];
      for (const { data } of outputs) data.fill(0);
      const { width, valueWidth } = sizes(inputs);
      forEachQuery(inputs, form, (place, keyHead, weights) => {
        const at = (array: ReferenceArray, i: number) => positionOf([...place, i], array.shape);
        const of = (array: ReferenceArray, key: number, i: number) =>
          positionOf([place[0], key, keyHead, i], array.shape);
        const flowing = weights.map((_, key) => {
          let sum = 0;
          for (let i = 0; i < valueWidth; i++) sum += dy.data[at(dy, i)]! * values.data[of(values, key, i)]!;
          return sum;
        });
        const mean = weights.reduce((sum, weight, key) => sum + weight * flowing[key]!, 0);
        weights.forEach((weight, key) => {
          const ofScore = form.scale * weight * (flowing[key]! - mean);
          for (let i = 0; i < width; i++) {
            ofQueries.data[at(queries, i)]! += ofScore * keys.data[of(keys, key, i)]!;
            ofKeys.data[of(keys, key, i)]! += ofScore * queries.data[at(queries, i)]!;
          }
          for (let i = 0; i < valueWidth; i++) ofValues.data[of(values, key, i)]! += weight * dy.data[at(dy, i)]!;
        });
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) =>
      inputsOf(size).map(({ inputs, attributes }) => {
        const { batch, t, heads, valueWidth } = sizes(inputs);
        return { inputs: [reals([batch, t, heads, valueWidth]), ...inputs], attributes };
      }),
    cost: ({ shape, inputs: [, , keys] }) => 10 * sizeOf(shape) * keys!.shape[1]!,
    decompose: ({ inputs: [dy, ...others], attributes }) =>
      gradientsOf(dy, others as readonly Tensor[] as Few<Tensor>, attributes),
  }),
};

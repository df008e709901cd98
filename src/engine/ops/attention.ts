/** @file Scaled dot-product attention, and the rotary embedding that gives it a sense of place. */
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { emitAngles } from "./lengths.ts";
import { op } from "./op.ts";
import { type AttentionForm, blend, expectFitting, sizes } from "./rowAttention.ts";
import { booleans, integers, reals } from "./samples.ts";

/** Angles a unit of position for each pair of features: base^(−2i / width) (Su et al. 2021, section 3.2.2). */
function frequencies(width: number, base: number): Float64Array {
  return Float64Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));
}

export const attention = {
  /**
   * softmax(scale · queries · keysᵀ) · values (Vaswani et al. 2017, equation 1), for queries [batch, heads, t, width], keys
   * [batch, key heads, s, width], values [batch, key heads, s, value width], and optionally a BOOL mask, true where a query
   * may look. Each key head serves heads / key heads query heads. A query that may look nowhere gets zeros.
   */
  attention: op<AttentionForm>({
    type(inputs) {
      expectFitting(inputs, 2);
      const { batch, heads, t, valueWidth } = sizes(inputs, 2);
      return { dtype: "F32", shape: [batch, heads, t, valueWidth] };
    },
    reference: (inputs, y, form) => blend(inputs, y, form, 2),
    onnx: { form: "decomposition" },
    samples(size) {
      const [queries, keys, values] = [reals([2, 4, 3, 2]), reals([2, 2, size, 2]), reals([2, 2, size, 3])];
      return [
        {
          inputs: [reals([1, 2, size, 3]), reals([1, 2, size, 3]), reals([1, 2, size, 3])],
          attributes: { causal: true, scale: 0.5 },
        },
        { inputs: [queries, keys, values], attributes: { causal: false, scale: 1 } },
        { inputs: [queries, keys, values, booleans([2, 1, 3, size])], attributes: { causal: false, scale: 0.7 } },
        { inputs: [queries, keys, values, booleans([3, size])], attributes: { causal: true, scale: 1 } },
      ];
    },
    cost: ({ shape, inputs: [, keys] }) => 4 * sizeOf(shape) * keys!.shape[2]!,
    decompose({ inputs: [queries, keys, values, mask], attributes }): Tensor {
      const [first, ...others] = [queries, keys, values].map((x) => x.permute([0, 2, 1, 3])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const inRows = first.op("rowAttention", attributes, ...others, ...(mask === undefined ? [] : [mask]));
      return inRows.permute([0, 2, 1, 3]);
    },
  }),
  /**
   * Rotary position embedding (Su et al. 2021): features i and i + width / 2 of x [..., t, width] turned as a pair by
   * position · base^(−2i / width); positions I32 [t].
   */
  rotary: op<{ base: number }>({
    type([x, positions]) {
      expectDType(x, "F32");
      expectDType(positions, "I32");
      expectRank(x, 2, "what is to be turned");
      expectShape(positions, [x.shape.at(-2)!], "the positions");
      expectThat(
        x.shape.at(-1)! % 2 === 0,
        `a width of ${x.shape.at(-1)}`,
        "features are turned in pairs: make the width even",
      );
      return { dtype: "F32", shape: x.shape };
    },
    reference([x, positions], y, { base }) {
      const [t, width] = x.shape.slice(-2) as [number, number];
      const [half, turns] = [width / 2, frequencies(width, base)];
      for (let row = 0; row * width < y.data.length; row++) {
        for (let i = 0; i < half; i++) {
          const angle = positions.data[row % t]! * turns[i]!;
          const [a, b] = [x.data[row * width + i]!, x.data[row * width + half + i]!];
          y.data[row * width + i] = a * Math.cos(angle) - b * Math.sin(angle);
          y.data[row * width + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
        }
      }
    },
    onnx(emit, [x, positions], { inputs: [type], attributes: { base } }) {
      const width = type.shape.at(-1)!;
      const angles = emitAngles(emit, positions, frequencies(width, base));
      const [cos, sin] = ["Cos", "Sin"].map((name) => emit.cast(emit.node(name, [angles]), "F32")) as [string, string];
      const part = (from: number, to: number): string =>
        emit.node("Slice", [x, emit.int64([from]), emit.int64([to]), emit.int64([-1])]);
      const [a, b] = [part(0, width / 2), part(width / 2, width)];
      const times = (one: string, other: string): string => emit.node("Mul", [one, other]);
      const turned = emit.node("Sub", [times(a, cos), times(b, sin)]);
      return emit.node("Concat", [turned, emit.node("Add", [times(b, cos), times(a, sin)])], { axis: { int: -1 } });
    },
    samples: (size) => [
      { inputs: [reals([size, 4]), integers([size], 0, 20)], attributes: { base: 10000 } },
      { inputs: [reals([2, 3, size, 6]), integers([size], 0, 20)], attributes: { base: 100 } },
    ],
    cost: ({ shape }) => 30 * sizeOf(shape),
    decompose({ inputs: [x, positions], attributes: { base } }) {
      const [t, width] = x.shape.slice(-2) as [number, number];
      const turns = x.constant({ dtype: "F64", shape: [width / 2], data: frequencies(width, base) });
      const angles = positions.cast("F32").reshape([t, 1]).mul(turns);
      const [a, b] = x.split([width / 2, width / 2], -1) as [Tensor, Tensor];
      const [cos, sin] = [angles.cos(), angles.sin()];
      return a
        .mul(cos)
        .sub(b.mul(sin))
        .concat([b.mul(cos).add(a.mul(sin))], -1);
    },
  }),
};

/**
 * @file Tables that a length alone decides: executors take them as constants, while files compute them, so that the length may
 * be any. Their input is never read: it says which graph they stand in.
 */
import { forEachIndex } from "./loops.ts";
import { type OnnxEmitter, op } from "./op.ts";
import { reals } from "./samples.ts";

/** Integer positions [length] times each frequency, F64 [length, frequencies]: in single precision far places blur. */
export function emitAngles(emit: OnnxEmitter, positions: string, frequencies: Float64Array): string {
  const column = emit.node("Unsqueeze", [emit.cast(positions, "F64"), emit.int64([-1])]);
  return emit.node("Mul", [column, emit.constant({ dtype: "F64", shape: [frequencies.length], data: frequencies })]);
}

type Table<A> = (data: Float64Array | Int32Array | Uint8Array | Uint16Array, attributes: A) => void;

const fillRange: Table<{ length: number }> = (data) => {
  for (let i = 0; i < data.length; i++) data[i] = i;
};

const fillSinusoids: Table<{ length: number; width: number; base: number }> = (data, { length, width, base }) => {
  forEachIndex([length, width], ([place, feature], at) => {
    const angle = place! * base ** ((-2 * Math.floor(feature! / 2)) / width);
    data[at] = feature! % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
};

const fillCausal: Table<{ queries: number; keys: number }> = (data, { queries, keys }) => {
  forEachIndex([queries, keys], ([query, key], at) => {
    data[at] = Number(key! <= query! + keys - queries);
  });
};

const samplesOf = <A>(attributes: A) => [{ inputs: [reals([1])], attributes }];

export const lengths = {
  /** I32 [length]: 0 … length − 1. */
  range: op<{ length: number }>({
    type: (_like, { length }) => ({ dtype: "I32", shape: [length] }),
    gradient: [null],
    reference: (_like, { data }, attributes) => fillRange(data, attributes),
    onnx: (emit, _like, { attributes: { length } }) => emit.cast(emit.range(length), "I32"),
    samples: (length) => samplesOf({ length }),
    decompose({ inputs: [like], attributes }) {
      const data = new Int32Array(attributes.length);
      fillRange(data, attributes);
      return like.constant({ dtype: "I32", shape: [attributes.length], data });
    },
  }),
  /** F32 [length, width]: in feature 2i sin(place / base^(2i / width)), and its cosine in 2i + 1 (Vaswani et al. 2017, 3.5). */
  sinusoids: op<{ length: number; width: number; base: number }>({
    type: (_like, { length, width }) => ({ dtype: "F32", shape: [length, width] }),
    gradient: [null],
    reference: (_like, { data }, attributes) => fillSinusoids(data, attributes),
    onnx(emit, _like, { attributes: { length, width, base } }) {
      const of = (value: (feature: number) => number) => Float64Array.from({ length: width }, (_, i) => value(i));
      const angles = emitAngles(
        emit,
        emit.range(length),
        of((feature) => base ** ((-2 * Math.floor(feature / 2)) / width)),
      );
      // a cosine is the sine a quarter of a turn on
      const turns = emit.constant({
        dtype: "F64",
        shape: [width],
        data: of((feature) => (feature % 2) * (Math.PI / 2)),
      });
      return emit.cast(emit.node("Sin", [emit.node("Add", [angles, turns])]), "F32");
    },
    samples: (length) => [
      ...samplesOf({ length, width: 6, base: 10_000 }),
      ...samplesOf({ length, width: 3, base: 50 }),
    ],
    decompose({ inputs: [like], output, attributes }) {
      const data = new Float64Array(attributes.length * attributes.width);
      fillSinusoids(data, attributes);
      return like.constant({ dtype: "F64", shape: output.shape, data });
    },
  }),
  /** BOOL [queries, keys]: query i sees keys 0 … i + keys − queries. */
  causalMask: op<{ queries: number; keys: number }>({
    type: (_like, { queries, keys }) => ({ dtype: "BOOL", shape: [queries, keys] }),
    gradient: [null],
    reference: (_like, { data }, attributes) => fillCausal(data, attributes),
    onnx(emit, _like, { attributes: { queries, keys } }) {
      const rows = emit.node("Unsqueeze", [emit.range(queries), emit.int64([1])]);
      const last = keys === queries ? rows : emit.node("Add", [rows, emit.scalar(keys - queries, "I64")]);
      return emit.node("LessOrEqual", [emit.range(keys), last]);
    },
    samples: (keys) => [...samplesOf({ queries: 3, keys }), ...samplesOf({ queries: keys, keys })],
    decompose({ inputs: [like], output, attributes }) {
      const data = new Uint8Array(attributes.queries * attributes.keys);
      fillCausal(data, attributes);
      return like.constant({ dtype: "BOOL", shape: output.shape, data });
    },
  }),
};

/** @file Philox in ONNX's operators: 32-bit words in 64-bit integers, so that a file draws the numbers that the engine draws. */
import { PHILOX } from "../philox.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { OnnxEmitter } from "./op.ts";

/** TensorProto.DataType. */
const UINT64 = 13;
const WORD = 0xffffffff;

/** Arithmetic on words, as names of values; all are unsigned and of 64 bits. */
function wordsOf(emit: OnnxEmitter) {
  const unsigned = (value: string): string => emit.node("Cast", [value], { to: { int: UINT64 } });
  const word = (value: number): string => unsigned(emit.int64([value]));
  const low = (value: string): string => emit.node("BitwiseAnd", [value, word(WORD)]);
  return {
    unsigned,
    word,
    low,
    xor: (a: string, b: string): string => emit.node("BitwiseXor", [a, b]),
    plus: (a: string, b: string): string => low(emit.node("Add", [a, b])),
    shiftRight: (value: string, bits: number): string =>
      emit.node("BitShift", [value, word(bits)], { direction: { string: "RIGHT" } }),
    times: (a: string, b: string): string => emit.node("Mul", [a, b]),
  };
}

/**
 * Numbers in [0, 1) as `fillUniform` has them.
 * @param rng I32 [4]: seed low, seed high, step low, step high
 */
export function emitUniform(emit: OnnxEmitter, rng: string, stream: number, shape: Shape): string {
  const { unsigned, word, low, xor, plus, shiftRight, times } = wordsOf(emit);
  const size = sizeOf(shape);
  const blocks = Math.ceil(size / 4);
  const states = low(unsigned(emit.node("Cast", [rng], { to: { int: 7 } })));
  const state = (index: number): string =>
    emit.node("Slice", [states, emit.int64([index]), emit.int64([index + 1]), emit.int64([0])]);
  const indices = emit.int64(Array.from({ length: blocks }, (_, index) => index));

  let counter = [state(2), state(3), word(stream), unsigned(indices)];
  let key = [state(0), state(1)];
  for (let round = 0; round < PHILOX.rounds; round++) {
    const [first, second] = [
      times(word(PHILOX.multipliers[0]), counter[0]!),
      times(word(PHILOX.multipliers[1]), counter[2]!),
    ];
    counter = [
      xor(xor(shiftRight(second, 32), counter[1]!), key[0]!),
      low(second),
      xor(xor(shiftRight(first, 32), counter[3]!), key[1]!),
      low(first),
    ];
    key = key.map((half, index) => plus(half, word(PHILOX.weyl[index]!)));
  }
  const columns = counter.map((each) => emit.node("Expand", [each, emit.int64([blocks])]));
  const lanes = columns.map((each) => emit.node("Unsqueeze", [each, emit.int64([1])]));
  const all = emit.node("Reshape", [emit.node("Concat", lanes, { axis: { int: 1 } }), emit.int64([4 * blocks])]);
  const kept = emit.node("Slice", [all, emit.int64([0]), emit.int64([size]), emit.int64([0])]);
  const real = emit.cast(shiftRight(kept, 8), "F32");
  return emit.node("Reshape", [emit.node("Mul", [real, emit.scalar(2 ** -24, "F32")]), emit.shape(shape)]);
}

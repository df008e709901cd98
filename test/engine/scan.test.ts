/** @file Recurrence: a scan against the same steps written out, forward and backward. */
import { describe, expect, it } from "vitest";
import { createReference, gradients, random, scan, stack, Tensor, trace } from "../../src/engine/index.ts";
import { checkGradients, createGenerator, materialize, run } from "./support/samples.ts";

const reference = createReference();
const [ROWS, WIDTH, LENGTH] = [2, 3, 4];

const draw = createGenerator(5);
const reals = (...shape: number[]) => materialize({ dtype: "F32", shape, low: -1, high: 1 }, draw);
/** State h and c, sequence, and the weights of all four gates. */
const LSTM = [reals(ROWS, WIDTH), reals(ROWS, WIDTH), reals(LENGTH, ROWS, WIDTH), reals(2 * WIDTH, 4 * WIDTH)];

/** A step of an LSTM (Hochreiter and Schmidhuber 1997, with Gers' forget gate). */
function lstmStep([h, c]: readonly Tensor[], [x]: readonly Tensor[], [w]: readonly Tensor[]) {
  const gates = h!.concat([x!], -1).matmul(w!).split([WIDTH, WIDTH, WIDTH, WIDTH], -1) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [input, forget, output] = [gates[0].sigmoid(), gates[1].sigmoid(), gates[2].sigmoid()];
  const nextC = forget.mul(c!).add(input.mul(gates[3].tanh()));
  const nextH = output.mul(nextC.tanh());
  return { carry: [nextH, nextC], outputs: [nextH] };
}

function scanned([h, c, xs, w]: readonly Tensor[], reverse = false) {
  const { carry, outputs } = scan({ carry: [h!, c!], over: [xs!], given: [w!], reverse }, lstmStep);
  return { h: carry[0]!, c: carry[1]!, all: outputs[0]! };
}

function writtenOut([h, c, xs, w]: readonly Tensor[], reverse = false) {
  let carry = [h!, c!];
  const outputs: Tensor[] = [];
  for (let step = 0; step < LENGTH; step++) {
    const t = reverse ? LENGTH - 1 - step : step;
    const x = xs!.slice([t], [t + 1]).reshape([ROWS, WIDTH]);
    const next = lstmStep(carry, [x], [w!]);
    carry = next.carry;
    outputs[t] = next.outputs[0]!;
  }
  return { h: carry[0]!, c: carry[1]!, all: stack(outputs, 0) };
}

const lossOf = ({ h, c, all }: Record<"h" | "c" | "all", Tensor>) =>
  h.sum().add(c.square().sum()).add(all.square().mean());

describe("a scan", () => {
  it.each([false, true])("of an LSTM is the same as its steps written out (reverse: %s)", (reverse) => {
    const [loop, steps] = [scanned, writtenOut].map((model) =>
      run(reference, LSTM, (inputs) => model(inputs, reverse)),
    );
    expect(loop).toEqual(steps);
  });

  it.each([false, true])(
    "has the gradients of its steps written out, in carries, sequences and weights (reverse: %s)",
    (reverse) => {
      const [loop, steps] = [scanned, writtenOut].map((model) =>
        run(reference, LSTM, (inputs) => {
          const of = inputs.slice(0, 4);
          return Object.fromEntries(
            gradients(lossOf(model(inputs, reverse)), of).map((gradient, i) => [`d${i}`, gradient]),
          );
        }),
      );
      for (const [name, values] of Object.entries(loop!)) {
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(steps![name]![i]!, 12);
        });
      }
    },
  );

  it("has second gradients", () => {
    const wrong = checkGradients(reference, LSTM, (inputs) => {
      const found = gradients(lossOf(scanned(inputs)), inputs.slice(0, 4));
      return found.map((gradient) => gradient.square().sum()).reduce((sum, term) => sum.add(term));
    });
    expect(wrong).toEqual([]);
  });

  it("is no larger a program for a longer sequence", () => {
    const nodes = (length: number) =>
      trace((tracer) => {
        const f32 = (...shape: number[]) => ({ dtype: "F32" as const, shape });
        const inputs = [f32(ROWS, WIDTH), f32(ROWS, WIDTH), f32(length, ROWS, WIDTH), f32(2 * WIDTH, 4 * WIDTH)].map(
          (type, i) => tracer.input(`x${i}`, type),
        );
        const [dw] = gradients(scanned(inputs).all.sum(), [inputs[3]!]);
        return { outputs: { dw: dw! } };
      }).graph.nodes.length;
    expect(nodes(500)).toBe(nodes(5));
  });

  it("carries integers beside reals", () => {
    const { count, sums } = run(reference, [reals(LENGTH, 2)], ([xs]) => {
      const carry = [xs.constant(0, "I32"), xs.constant(0).broadcastTo([2])];
      const result = scan({ carry, over: [xs] }, ([n, sum], [x]) => ({ carry: [n!.add(1), sum!.add(x!)] }));
      return { count: result.carry[0]!, sums: gradients(result.carry[1]!.sum(), [xs])[0]! };
    });
    expect(count).toEqual([LENGTH]);
    expect(sums).toEqual(new Array(LENGTH * 2).fill(1));
  });

  it("refuses a step that gives a tensor from outside, and says how to pass it", () => {
    const attempt = () =>
      run(reference, [reals(LENGTH, 2), reals(2)], ([xs, outside]) => ({
        y: scan({ carry: [], over: [xs] }, () => ({ carry: [], outputs: [outside] })).outputs[0]!,
      }));
    expect(attempt).toThrow(
      expect.objectContaining({ reason: "INVALID_STATE", hint: expect.stringContaining("`given`") }),
    );
  });

  it("is not taken for one of its results", () => {
    const whole = ([h, c, xs, w]: readonly Tensor[]) =>
      new Tensor(h!.graph, scanned([h!, c!, xs!, w!]).h.node.inputs[0]!);
    const asOutput = () => run(reference, LSTM, (inputs) => ({ y: whole(inputs) }));
    const asInput = () => run(reference, LSTM, (inputs) => ({ y: whole(inputs).exp() }));
    for (const attempt of [asOutput, asInput]) {
      expect(attempt).toThrow(expect.objectContaining({ hint: "choose one with .part(index)" }));
    }
  });

  it("draws other numbers inside than outside", () => {
    const rng = { dtype: "I32" as const, shape: [4], data: Int32Array.of(1, 0, 0, 0) };
    const { inside, outside } = run(reference, [rng, reals(1, 2)], ([state, xs]) => ({
      outside: random.uniform(state, [2]),
      inside: scan({ carry: [], over: [xs], given: [state] }, (_carry, _element, [given]) => ({
        carry: [],
        outputs: [random.uniform(given!, [2])],
      })).outputs[0]!,
    }));
    expect(inside).not.toEqual(outside);
  });
});

/**
 * @file The steps of a long short-term memory and of its gradients: as loops of numbers, and as scans, which can be
 * differentiated in their turn.
 */
import type { Shape, TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { traceBody } from "./body.ts";
import type { Few, ReferenceArray } from "./op.ts";

/** `masked`: the first of the marks says where sequences go on; a further one says where they begin anew. */
export type LstmForm = { reverse: boolean; masked: boolean };
/** `stacked`: whether a gradient of the outputs stands before the marks. */
export type LstmGradientsForm = LstmForm & { stacked: boolean };

/** Sizes of `lstm`'s axes, by its inputs. */
export function lstmSizes([x, , weightHh]: readonly TensorType[]) {
  const [time, batch, features] = x!.shape as [number, number, number];
  return { time, batch, features, hidden: weightHh!.shape[0]! };
}

/** The same of `lstmGradients`. */
export function lstmGradientsSizes([, cells]: readonly TensorType[]) {
  const [blocks, time, rows, hidden] = cells!.shape as [number, number, number, number];
  return { time, batch: blocks * rows, hidden };
}

/** What is kept of the steps stands in blocks of so many rows of the batch, where it is divided by them: no two threads write side by side. */
const BLOCK = 8;

/** How many rows stand abreast in a block. */
export const abreast = (batch: number): number => (batch % BLOCK === 0 && batch > 0 ? BLOCK : batch);

/** The shape of what is kept, `width` numbers a row. */
export function keptShape(time: number, batch: number, width: number): Shape {
  const rows = abreast(batch);
  return [rows === 0 ? 1 : batch / rows, time, rows, width];
}

/** [time, batch, width] in blocks. */
function inBlocks(x: Tensor): Tensor {
  const [time, batch, width] = x.shape as [number, number, number];
  const [blocks, , rows] = keptShape(time, batch, width) as [number, number, number];
  return x.reshape([time, blocks, rows, width]).permute([1, 0, 2, 3]);
}

/** Blocks as [time, batch, width]. */
export function inOrder(x: Tensor): Tensor {
  const [blocks, time, rows, width] = x.shape as [number, number, number, number];
  return x.permute([1, 0, 2, 3]).reshape([time, blocks * rows, width]);
}

export interface Marks<T> {
  readonly goesOn: T | undefined;
  readonly begins: T | undefined;
}

/** The marks, which come after `count` other inputs. */
export function marksOf<T>(inputs: readonly T[], count: number, masked: boolean): Marks<T> {
  const marks = inputs.slice(count);
  return { goesOn: masked ? marks[0] : undefined, begins: marks[Number(masked)] };
}

type Numbers = ReferenceArray["data"];
const numbersOf = (arrays: readonly ReferenceArray[]) =>
  arrays.map(({ data }) => data) as readonly Numbers[] as Few<Numbers>;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Calls `visit` for each step of each sequence, sequence by sequence: its row in sequences, its row in what is kept, whose it is. */
function forEachStep(
  time: number,
  batch: number,
  reverse: boolean,
  visit: (at: number, kept: number, b: number) => void,
): void {
  const rows = abreast(batch);
  for (let b = 0; b < batch; b++) {
    for (let step = 0; step < time; step++) {
      const t = reverse ? time - 1 - step : step;
      visit(t * batch + b, (Math.floor(b / rows) * time + t) * rows + (b % rows), b);
    }
  }
}

/** Writes the results of `lstm`. */
export function takeSteps(inputs: Few<ReferenceArray>, results: readonly ReferenceArray[], form: LstmForm): void {
  const { time, batch, features, hidden } = lstmSizes(inputs);
  const [x, weightIh, weightHh, bias, firstHidden, firstCell] = numbersOf(inputs);
  const { goesOn, begins } = marksOf(numbersOf(inputs), 6, form.masked);
  const [outputs, h, c, read, cells, gates] = numbersOf(results);
  const [width, reads] = [4 * hidden, features + hidden];
  h.set(firstHidden);
  c!.set(firstCell!);
  forEachStep(time, batch, form.reverse, (at, kept, b) => {
    if (begins?.[at]) for (const state of [h, c!]) state.fill(0, b * hidden, (b + 1) * hidden);
    read.set(x.subarray(at * features, (at + 1) * features), kept * reads);
    read.set(h.subarray(b * hidden, (b + 1) * hidden), kept * reads + features);
    cells.set(c!.subarray(b * hidden, (b + 1) * hidden), kept * hidden);
    for (let j = 0; j < width; j++) {
      let sum = bias[j]!;
      for (let i = 0; i < features; i++) sum += x[at * features + i]! * weightIh[i * width + j]!;
      for (let i = 0; i < hidden; i++) sum += h[b * hidden + i]! * weightHh[i * width + j]!;
      gates![kept * width + j] = Math.floor(j / hidden) === 2 ? Math.tanh(sum) : sigmoid(sum);
    }
    for (let j = 0; j < hidden; j++) {
      const [input, forget, candidate, output] = [0, 1, 2, 3].map((gate) => gates![kept * width + gate * hidden + j]!);
      const isDead = goesOn !== undefined && !goesOn[at];
      if (!isDead) {
        c![b * hidden + j] = forget! * c![b * hidden + j]! + input! * candidate!;
        h[b * hidden + j] = output! * Math.tanh(c![b * hidden + j]!);
      }
      outputs[at * hidden + j] = isDead ? 0 : h[b * hidden + j]!;
    }
  });
}

/** Writes the results of `lstmGradients`. */
export function takeStepsBack(
  inputs: Few<ReferenceArray>,
  results: readonly ReferenceArray[],
  form: LstmGradientsForm,
): void {
  const { time, batch, hidden } = lstmGradientsSizes(inputs);
  const [weightHh, cells, gates, lastHidden, lastCell, ...others] = numbersOf(inputs);
  const { goesOn, begins } = marksOf(others, Number(form.stacked), form.masked);
  const [slopes, dHidden, dCell] = numbersOf(results);
  const width = 4 * hidden;
  dHidden.set(lastHidden);
  dCell.set(lastCell!);
  forEachStep(time, batch, !form.reverse, (at, kept, b) => {
    const isDead = goesOn !== undefined && !goesOn[at];
    if (isDead) slopes.fill(0, kept * width, (kept + 1) * width);
    for (let j = 0; j < hidden && !isDead; j++) {
      const [input, forget, candidate, output] = [0, 1, 2, 3].map(
        (gate) => gates[kept * width + gate * hidden + j]!,
      ) as [number, number, number, number];
      const cell = cells[kept * hidden + j]!;
      const bent = Math.tanh(forget * cell + input * candidate);
      const dh = dHidden[b * hidden + j]! + (form.stacked ? others[0]![at * hidden + j]! : 0);
      const dc = dCell[b * hidden + j]! + dh * output * (1 - bent * bent);
      [
        dc * candidate * input * (1 - input),
        dc * cell * forget * (1 - forget),
        dc * input * (1 - candidate * candidate),
        dh * bent * output * (1 - output),
      ].forEach((slope, gate) => {
        slopes[kept * width + gate * hidden + j] = slope;
      });
      dCell[b * hidden + j] = dc * forget;
    }
    for (let i = 0; i < hidden && !isDead; i++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += slopes[kept * width + j]! * weightHh[i * width + j]!;
      dHidden[b * hidden + i] = sum;
    }
    if (begins?.[at]) for (const state of [dHidden, dCell]) state.fill(0, b * hidden, (b + 1) * hidden);
  });
}

const gatesOf = (x: Tensor) =>
  x.split(new Array<number>(4).fill(x.shape.at(-1)! / 4), -1) as readonly Tensor[] as Few<Tensor>;
const elementsOf = (sequences: readonly Tensor[]): TensorType[] =>
  sequences.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
const column = (mark: Tensor): Tensor => mark.reshape([-1, 1]);

/** `lstm` as a scan. */
export function scanOf(inputs: Few<Tensor>, { reverse, masked }: LstmForm): Tensor[] {
  const [x, weightIh, weightHh, bias, hidden, cell] = inputs;
  const over = [x.matmul(weightIh), ...inputs.slice(6)];
  const given = [weightHh, bias];
  const body = traceBody(x, [hidden, cell!, ...elementsOf(over), ...given], (leaves) => {
    const [h0, c0, fromInput] = leaves as readonly Tensor[] as Few<Tensor>;
    const [weights, shift] = leaves.slice(-2) as [Tensor, Tensor];
    const { goesOn, begins } = marksOf(leaves.slice(0, -2), 3, masked);
    const [h, c] = begins === undefined ? [h0, c0] : [column(begins).where(0, h0), column(begins).where(0, c0)];
    const sums = gatesOf(fromInput.add(h.matmul(weights)).add(shift));
    const [input, forget, candidate, output] = sums.map((sum, i) =>
      i === 2 ? sum.tanh() : sum.sigmoid(),
    ) as readonly Tensor[] as Few<Tensor>;
    const c1 = forget.mul(c).add(input.mul(candidate));
    const h1 = output.mul(c1.tanh());
    const gates = input.concat([forget, candidate, output], -1);
    if (goesOn === undefined) return [h1, c1, h1, h, c, gates];
    const alive = column(goesOn);
    return [alive.where(h1, h), alive.where(c1, c), alive.where(h1, 0), h, c, gates];
  });
  const form = { body, carries: 2, sequences: over.length, length: x.shape[0]!, reverse };
  const [h, c, outputs, before, cells, gates] = hidden.scan(
    [cell!, ...over, ...given],
    form,
  ) as readonly Tensor[] as Few<Tensor>;
  return [outputs, h, c, ...[x.concat([before], -1), cells, gates!].map(inBlocks)];
}

/** `lstmGradients` as a scan. */
export function scanBackOf(inputs: Few<Tensor>, { reverse, masked, stacked }: LstmGradientsForm): Tensor[] {
  const [weightHh, cells, gates, dHidden, dCell] = inputs;
  const over = [inOrder(cells), inOrder(gates), ...inputs.slice(5)];
  const body = traceBody(weightHh, [dHidden, dCell, ...elementsOf(over), weightHh], (leaves) => {
    const [dh0, dc0, c, gate, ofOutput] = leaves as readonly Tensor[] as Few<Tensor>;
    const { goesOn, begins } = marksOf(leaves.slice(0, -1), stacked ? 5 : 4, masked);
    const dh = stacked ? dh0.add(ofOutput) : dh0;
    const [input, forget, candidate, output] = gatesOf(gate);
    const bent = forget.mul(c).add(input.mul(candidate)).tanh();
    const dc = dh.mul(output).mul(bent.square().neg().add(1)).add(dc0);
    const slope = (y: Tensor) => y.mul(y.neg().add(1));
    const slopes = dc
      .mul(candidate)
      .mul(slope(input))
      .concat(
        [
          dc.mul(c).mul(slope(forget)),
          dc.mul(input).mul(candidate.square().neg().add(1)),
          dh.mul(bent).mul(slope(output)),
        ],
        -1,
      );
    const all = goesOn === undefined ? slopes : column(goesOn).where(slopes, 0);
    const next = [all.matmul(leaves.at(-1)!.transpose()), dc.mul(forget)];
    const kept = goesOn === undefined ? next : next.map((value, i) => column(goesOn).where(value, [dh0, dc0][i]!));
    return [...(begins === undefined ? kept : kept.map((value) => column(begins).where(0, value))), all];
  });
  const form = { body, carries: 2, sequences: over.length, length: cells.shape[1]!, reverse: !reverse };
  const [ofHidden, ofCell, slopes] = dHidden.scan([dCell, ...over, weightHh], form) as readonly Tensor[] as Few<Tensor>;
  return [inBlocks(slopes), ofHidden, ofCell];
}

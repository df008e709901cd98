/** @file Lowerings of long short-term memories along whole sequences, and of their gradients: weights in panels, then one instruction. */
import type { Node } from "../../graph.ts";
import {
  abreast,
  type LstmForm,
  type LstmGradientsForm,
  lstmGradientsSizes,
  lstmSizes,
  marksOf,
} from "../../ops/lstmSteps.ts";
import type { Buffer } from "../../plan/plan.ts";
import type { Instruction, Operand } from "./instruction.ts";
import { LSTM_ROWS } from "./kernels/layout.ts";
import { kernel, type Lowering } from "./lowering.ts";
import { stridedCopy } from "./movement.ts";

const PANEL = 8;
/** Of one multiplication and addition, and of all else that a unit of a state asks for in a step, there and back, in nanoseconds. */
const MULTIPLY = 1 / 25;
const FORWARD = 4;
const BACKWARD = 2;
/** States of 32 rows stand in the scratch memory on the way back. */
const MOST_HIDDEN = 1024;

const isWorth = (sizes: { time: number; batch: number; hidden: number }): boolean =>
  sizes.time > 0 && sizes.batch > 0 && sizes.hidden > 0 && sizes.hidden % 4 === 0 && sizes.hidden <= MOST_HIDDEN;

export const canTakeSteps = (node: Node): boolean => isWorth(lstmSizes(node.inputs));
export const canTakeStepsBack = (node: Node): boolean => isWorth(lstmGradientsSizes(node.inputs));

interface Packed {
  readonly label: string;
  readonly from: Buffer;
  readonly depth: number;
  readonly columns: number;
  /** Elements from one depth to the next, and from column to column. */
  readonly strides: readonly [depth: number, column: number];
  readonly to: Buffer;
  /** Depth of the whole panels, and where in it these rows begin. */
  readonly whole: number;
  readonly start: number;
}

/** A right operand in panels [columns / 8][whole depth][8]; what is left of a last panel is not written, nor its results used. */
function pack({ label, from, depth, columns, strides, to, whole, start }: Packed): Instruction[] {
  const full = Math.floor(columns / PANEL);
  const parts = [
    { panels: full, width: PANEL, first: 0 },
    { panels: 1, width: columns % PANEL, first: full },
  ];
  return parts
    .filter(({ panels, width }) => panels * width * depth > 0)
    .map(({ panels, width, first }) =>
      stridedCopy({
        label: `pack ${label}`,
        shape: [panels, depth, width],
        from,
        fromStrides: [PANEL * strides[1], strides[0], strides[1]],
        fromOffset: first * PANEL * strides[1],
        to,
        toStrides: [whole * PANEL, PANEL, 1],
        toOffset: first * whole * PANEL + start * PANEL,
      }),
    );
}

/** Addresses of marks, 0 where there are none. */
const placesOf = (inputs: readonly Node[], count: number, masked: boolean, read: (node: Node) => Buffer): Operand[] => {
  const { goesOn, begins } = marksOf(inputs, count, masked);
  return [goesOn, begins].map((mark) => (mark === undefined ? 0 : { buffer: read(mark) }));
};

const panelsOf = (columns: number, depth: number): number => Math.ceil(columns / PANEL) * PANEL * depth;

export const lstm: Lowering = (node, { read, outs, temporary, emit }) => {
  const { time, batch, features, hidden } = lstmSizes(node.inputs);
  const { reverse, masked } = node.attributes as LstmForm;
  const [x, weightIh, weightHh, bias, ...states] = node.inputs.slice(0, 6).map(read) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    ...Buffer[],
  ];
  const [columns, whole] = [4 * hidden, features + hidden];
  const panels = temporary(panelsOf(columns, whole));
  const shared = { columns, strides: [columns, 1], to: panels, whole } as const;
  const packs = [
    ...pack({ ...shared, label: `[${features},${columns}]`, from: weightIh, depth: features, start: 0 }),
    ...pack({ ...shared, label: `[${hidden},${columns}]`, from: weightHh, depth: hidden, start: features }),
  ];
  for (const each of packs) emit(each);
  const marks = placesOf(node.inputs, 6, masked, read);
  const places = [x, panels, bias, ...states].map((buffer) => ({ buffer }));
  const results = outs.map((buffer) => ({ buffer }));
  const rows = time * batch;
  emit(
    kernel({
      kind: "lstm",
      label: `lstm ${time} × ${batch} of ${features} → ${hidden}`,
      units: Math.ceil(batch / LSTM_ROWS),
      operands: [...places, ...marks, ...results, time, batch, abreast(batch), features, hidden, Number(reverse)],
      reads: [x, panels, bias, ...states, ...node.inputs.slice(6).map(read)],
      writes: outs,
      flops: 2 * rows * whole * columns,
      nanoseconds: rows * (whole * columns * MULTIPLY + hidden * FORWARD),
    }),
  );
};

export const lstmGradients: Lowering = (node, { read, outs, temporary, emit }) => {
  const { time, batch, hidden } = lstmGradientsSizes(node.inputs);
  const { reverse, masked, stacked } = node.attributes as LstmGradientsForm;
  const [weightHh, ...others] = node.inputs.slice(0, stacked ? 6 : 5).map(read) as [Buffer, ...Buffer[]];
  const width = 4 * hidden;
  const panels = temporary(panelsOf(hidden, width));
  const strides = [1, width] as const;
  const label = `[${hidden},${width}] turned`;
  const packs = pack({
    label,
    from: weightHh,
    depth: width,
    columns: hidden,
    strides,
    to: panels,
    whole: width,
    start: 0,
  });
  for (const each of packs) emit(each);
  const marks = placesOf(node.inputs, stacked ? 6 : 5, masked, read);
  const places: Operand[] = [panels, ...others].map((buffer) => ({ buffer }));
  const results = outs.map((buffer) => ({ buffer }));
  const rows = time * batch;
  emit(
    kernel({
      kind: "lstmGradients",
      label: `lstm's gradients ${time} × ${batch} of ${hidden}`,
      units: Math.ceil(batch / LSTM_ROWS),
      operands: [
        ...places,
        ...(stacked ? [] : [0]),
        ...marks,
        ...results,
        time,
        batch,
        abreast(batch),
        hidden,
        Number(reverse),
      ],
      reads: [panels, ...others, ...node.inputs.slice(stacked ? 6 : 5).map(read)],
      writes: outs,
      flops: 2 * rows * width * hidden,
      nanoseconds: rows * (width * hidden * MULTIPLY + hidden * BACKWARD),
    }),
  );
};

/** @file Gradients of a case's inputs against central differences, in float64 on the reference executor. */
import type { Executor, Program } from "../../../src/engine/executors/executor.ts";
import { gradients } from "../../../src/engine/grad.ts";
import { openModel } from "../../../src/engine/onnx/import/open.ts";
import { sizeOf } from "../../../src/engine/shape.ts";
import type { Tensor } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import type { Case, DataSet } from "./case.ts";
import { raiseCase, withInputs } from "./run.ts";

const STEP = 1e-6;
const TOLERANCE = { absolute: 1e-5, relative: 1e-3 };
/** A slope as steep as this is a jump seen through one step. */
const JUMP = 1e5;
/** Elements checked of each input, evenly spread: differences cost two runs each. */
const ELEMENTS = 8;
/** Larger cases would take minutes on the reference. */
const LARGEST = 20_000;

/** Elements that agreed, and those at a kink or a jump, where there is no one slope. */
export interface Checked {
  readonly agreed: number;
  readonly kinks: number;
}

/** @returns null where there is nothing to differentiate. @throws Error for a gradient that is wrong */
export function checkGradients({ model, sets: [set] }: Case, reference: Executor): Checked | null {
  if (set === undefined || [...set.inputs.values()].some(({ array }) => sizeOf(array.shape) > LARGEST)) return null;
  const opened = openModel(model);
  const program = withInputs((areGiven) => {
    let hasReals = false;
    const traced = trace((t) => {
      const { outputs, reals } = raiseCase(opened, t, set, areGiven);
      const loss = projected(Object.values(outputs));
      hasReals = loss !== null && Object.keys(reals).length > 0;
      if (loss === null || !hasReals) return { outputs };
      const slopes = gradients(loss, Object.values(reals));
      return {
        outputs: { "=loss": loss, ...Object.fromEntries(Object.keys(reals).map((name, i) => [name, slopes[i]!])) },
      };
    });
    return hasReals ? reference.compile(traced, reference.createState({})) : null;
  });
  return program === null ? null : compareSlopes(program, set);
}

/** A weighted sum of all real outputs: one number, whose slopes show every element's. */
function projected(outputs: readonly Tensor[]): Tensor | null {
  const terms = outputs.flatMap((output, which) => {
    if (output.dtype !== "F32" || sizeOf(output.shape) === 0) return [];
    const weights = Float64Array.from({ length: sizeOf(output.shape) }, (_, i) => Math.cos(1 + which + 2.4 * i));
    return [output.mul(output.constant({ dtype: "F64", shape: output.shape, data: weights })).sum()];
  });
  return terms.length === 0 ? null : terms.reduce((sum, term) => sum.add(term));
}

function compareSlopes(program: Program, { inputs }: DataSet): Checked {
  const feed = (): void => {
    for (const [name, view] of Object.entries(program.inputs)) view.set(inputs.get(name)!.array.data as never);
  };
  const lossAt = (name: string, index: number, shift: number): number => {
    feed();
    const view = program.inputs[name] as Float64Array;
    view[index]! += shift;
    program.run();
    return (program.outputs["=loss"] as Float64Array)[0]!;
  };
  feed();
  program.run();
  const slopes = Object.entries(program.outputs).filter(([name]) => name !== "=loss");
  const claims = slopes.flatMap(([name, view]) =>
    chosen(view.length).map((index) => ({ name, index, slope: Number(view[index]) })),
  );
  let [agreed, kinks] = [0, 0];
  for (const { name, index, slope } of claims) {
    const [before, here, after] = [lossAt(name, index, -STEP), lossAt(name, index, 0), lossAt(name, index, STEP)];
    const [left, right] = [(here - before) / STEP, (after - here) / STEP];
    const isSmooth = near(left, right, 1e-3 + Math.abs(here) * 1e-9);
    if (!isSmooth || !(Math.abs(left + right) < JUMP)) kinks++;
    else if (near(slope, (left + right) / 2, Math.abs(here) * 1e-9)) agreed++;
    else throw new Error(`the gradient of ${name}[${index}] is ${slope}, differences say ${(left + right) / 2}`);
  }
  return { agreed, kinks };
}

const near = (a: number, b: number, noise: number): boolean =>
  Math.abs(a - b) <= TOLERANCE.absolute + noise + TOLERANCE.relative * Math.abs(b);

function chosen(length: number): number[] {
  const count = Math.min(length, ELEMENTS);
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
}

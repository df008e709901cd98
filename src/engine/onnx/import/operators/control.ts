/** @file Control flow whose course constants decide: `If` takes its branch, `Loop` is written out turn by turn, `Scan` step by step. */
import { Fault } from "../../../fault.ts";
import { concat } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { decidedByData, known } from "../known.ts";
import { BOOL, INT64, type Output, type Value } from "../value.ts";
import { tooMany } from "./movement.ts";

/** More turns than this are refused: each is written out. */
const MOST_TURNS = 4096;

function branch(call: Call): readonly Output[] {
  return call.body(call.graph(call.numbers(0)[0] !== 0 ? "then_branch" : "else_branch"), []);
}

const truthOf = ({ tensor }: Value): boolean => {
  const value = known(tensor);
  if (value !== null) return value.data[0] !== 0;
  throw decidedByData("its condition depends on the data", {
    violations: [
      {
        path: "body.output[0]",
        message: "it decides how often the loop turns",
        expected: "a constant",
        got: "a computed value",
      },
    ],
    hint: 'run the model with `executor: "onnxruntime"`, or export it with a fixed number of turns',
  });
};

/** The body takes (turn, condition, ...carried) and gives (condition, ...carried, ...scanned). */
function loop(call: Call): readonly Output[] {
  const body = call.graph("body");
  const limit = call.maybeNumbers(0)?.[0] ?? Infinity;
  const truth = (value: boolean): Value => ({
    type: BOOL,
    tensor: call.constant({ dtype: "BOOL", shape: [], data: Uint8Array.of(Number(value)) }),
  });
  let condition = call.inputs[1] ?? truth(true);
  let carried = call.inputs.slice(2) as Value[];
  const scanned: Value[][] = [];
  for (let turn = 0; turn < limit && truthOf(condition); turn++) {
    if (turn === MOST_TURNS) endless();
    const counter: Value = {
      type: INT64,
      tensor: call.constant({ dtype: "I32", shape: [], data: Int32Array.of(turn) }),
    };
    const results = call.body(body, [counter, condition, ...carried]);
    condition = results[0]!;
    scanned.push(results.slice(1 + carried.length));
    carried = results.slice(1, 1 + carried.length);
  }
  return [...carried, ...stacked(scanned, call.outputs - carried.length)];
}

function endless(): never {
  throw new Fault("LIMIT_EXCEEDED", `it turns more than ${MOST_TURNS} times`, {
    hint: 'run the model with `executor: "onnxruntime"`',
  });
}

function stacked(turns: readonly Value[][], count: number): Value[] {
  return Array.from({ length: count }, (_, output) => {
    const parts = turns.map((turn) => turn[output]!);
    const [first] = parts;
    if (first === undefined) {
      throw new Fault("ONNX_OPERATOR_UNSUPPORTED", "a loop without turns leaves the shape of what it stacks open", {
        hint: 'run the model with `executor: "onnxruntime"`',
      });
    }
    return {
      type: first.type,
      tensor: concat(
        parts.map(({ tensor }) => tensor.reshape([1, ...tensor.shape])),
        0,
      ),
    };
  });
}

/** Since opset 9: states first, then sequences along their axes, forward or backward. */
function scan(call: Call): readonly Output[] {
  const body = call.graph("body");
  const count = call.int("num_scan_inputs");
  const values = call.inputs as readonly Value[];
  if (count > values.length) tooMany("num_scan_inputs", count, values.length);
  let states = values.slice(0, values.length - count);
  const sequences = values.slice(values.length - count);
  const axes = call.ints("scan_input_axes", new Array<number>(count).fill(0));
  const backward = call.ints("scan_input_directions", new Array<number>(count).fill(0));
  const length = sequences[0]!.tensor.shape.at(axes[0]!)!;
  if (length > MOST_TURNS) endless();
  const elements = sequences.map(({ tensor, type }, i) => {
    const axis = axes[i]! < 0 ? axes[i]! + tensor.shape.length : axes[i]!;
    const pieces = tensor.split(new Array<number>(length).fill(1), axis);
    const steps = pieces.map((piece) => ({ type, tensor: piece.reshape(tensor.shape.filter((_, at) => at !== axis)) }));
    return backward[i] === 1 ? steps.reverse() : steps;
  });
  const turns: Value[][] = [];
  for (let step = 0; step < length; step++) {
    const results = call.body(body, [...states, ...elements.map((each) => each[step]!)]);
    states = results.slice(0, states.length);
    turns.push(results.slice(states.length));
  }
  return [...states, ...scanOutputs(call, turns, call.outputs - states.length)];
}

function scanOutputs(call: Call, turns: readonly Value[][], count: number): Value[] {
  const axes = call.ints("scan_output_axes", new Array<number>(count).fill(0));
  const backward = call.ints("scan_output_directions", new Array<number>(count).fill(0));
  return stacked(turns, count).map(({ type, tensor }, i) => {
    const ordered = backward[i] === 1 ? tensor.flip(0) : tensor;
    const rank = tensor.shape.length;
    const axis = axes[i]! < 0 ? axes[i]! + rank : axes[i]!;
    const order = Array.from({ length: rank }, (_, at) => (at < axis ? at + 1 : at === axis ? 0 : at));
    return { type, tensor: ordered.permute(order) };
  });
}

export const control: Readonly<Record<string, Operator>> = { If: branch, Loop: loop, Scan: scan };

/** @file Lists of tensors, as PyTorch's `split`, `unbind` and `stack` leave them: known while a file is raised, and gone after it. */
import { Fault } from "../../../fault.ts";
import { concat } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { FLOAT, INT64, type Output, type Value } from "../value.ts";

/** Of a list: each item is a tensor of its own. */
const MOST_ITEMS = 4096;

function refuseSplit(size: number, step: number): never {
  throw new Fault("LIMIT_EXCEEDED", `${size} elements in pieces of ${step} are no list that can be written out`, {
    violations: [
      {
        path: "input[1]",
        message: "not a size",
        expected: `1 or more, ${MOST_ITEMS} pieces at most`,
        got: String(step),
      },
    ],
    hint: 'run the model with `executor: "onnxruntime"`',
  });
}

/** A list as a value: its tensor stands for nothing, and operators that take no lists refuse it. */
function listOf(call: Call, items: readonly Value[]): Value {
  const nothing = (): Value => ({
    type: FLOAT,
    tensor: call.constant({ dtype: "F32", shape: [0], data: new Float32Array() }),
  });
  return { ...(items[0] ?? nothing()), items };
}

/** Of one that may be negative, from the end; `count` itself where one may be inserted. */
function place(call: Call, input: number, count: number): number {
  const asked = call.maybeNumbers(input)?.[0];
  const at = asked === undefined ? count : asked < 0 ? asked + count : asked;
  if (at >= 0 && at <= count) return at;
  throw new Fault("DATA_INVALID", `place ${asked} of a list of ${count}`, {
    violations: [
      { path: `input[${input}]`, message: "outside the list", expected: `below ${count}`, got: String(asked) },
    ],
    hint: "the file is damaged, or the program that wrote it is wrong",
  });
}

function at(call: Call): Output {
  const items = call.list(0);
  const found = items[place(call, 1, items.length)];
  if (found !== undefined) return found;
  throw new Fault("DATA_INVALID", `the list ends before place ${items.length}`, {
    violations: [{ path: "input[1]", message: "outside the list", expected: `below ${items.length}` }],
    hint: "the file is damaged, or the program that wrote it is wrong",
  });
}

function insert(call: Call): Output {
  const items = call.list(0);
  return listOf(call, items.toSpliced(place(call, 2, items.length), 0, call.inputs[1]!));
}

function erase(call: Call): Output {
  const items = call.list(0);
  const which = call.inputs[1] === undefined ? items.length - 1 : place(call, 1, items.length);
  return listOf(call, items.toSpliced(which, 1));
}

function joined(call: Call): Output {
  const items = call.list(0);
  if (items.length === 0) {
    throw new Fault("DATA_INVALID", "nothing is to be joined: the list is empty", {
      violations: [{ path: "input[0]", message: "empty", expected: "at least one tensor", got: "none" }],
      hint: "the file is damaged, or the program that wrote it is wrong",
    });
  }
  const isNew = call.int("new_axis", 0) === 1;
  const axis = call.axis(items[0]!.tensor.shape.length + Number(isNew));
  const tensors = items.map(({ tensor }) => {
    if (!isNew) return tensor;
    return tensor.reshape(tensor.shape.toSpliced(axis, 0, 1));
  });
  return { type: items[0]!.type, tensor: concat(tensors, axis) };
}

/** Sizes of equal pieces, the last one smaller where they do not come out even. */
function pieces(size: number, step: number): number[] {
  if (!(step >= 1) || size / step > MOST_ITEMS) refuseSplit(size, step);
  return Array.from({ length: Math.ceil(size / step) }, (_, i) => Math.min(step, size - i * step));
}

function split(call: Call): Output {
  const x = call.tensor(0);
  const at = call.axis(x.shape.length, 0);
  const size = x.shape[at]!;
  const asked = call.maybeNumbers(1);
  const isOne = asked !== undefined && call.tensor(1).shape.length === 0;
  const sizes = asked === undefined || isOne ? pieces(size, asked?.[0] ?? 1) : asked;
  const keeps = asked !== undefined || call.int("keepdims", 1) === 1;
  const parts = x.split(sizes, at).map((part) => (keeps ? part : part.reshape(part.shape.toSpliced(at, 1))));
  return listOf(
    call,
    parts.map((tensor) => ({ type: call.type(0), tensor })),
  );
}

const length = (call: Call): Output => ({
  type: INT64,
  tensor: call.constant({ dtype: "I32", shape: [], data: Int32Array.of(call.list(0).length) }),
});

export const sequences: Readonly<Record<string, Operator>> = {
  SequenceConstruct: (call) => listOf(call, call.inputs as readonly Value[]),
  SequenceEmpty: (call) => listOf(call, []),
  SequenceAt: at,
  SequenceInsert: insert,
  SequenceErase: erase,
  SequenceLength: length,
  SplitToSequence: split,
  ConcatFromSequence: joined,
};

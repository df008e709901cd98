/** @file Recurrent layers as loops of the engine: RNN, LSTM with peepholes, GRU in both forms; both directions, lengths of their own. */
import { scan } from "../../../scan.ts";
import { stack, type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import type { Output } from "../value.ts";
import { expectKnown } from "./names.ts";

type Activation = (x: Tensor, alpha: number, beta: number) => Tensor;

/** Those that ONNX lists for recurrent layers, with its constants where it gives them. */
const ACTIVATIONS: Readonly<Record<string, readonly [apply: Activation, alpha?: number, beta?: number]>> = {
  relu: [(x) => x.relu()],
  tanh: [(x) => x.tanh()],
  sigmoid: [(x) => x.sigmoid()],
  softsign: [(x) => x.div(x.abs().add(1))],
  softplus: [(x) => x.softplus()],
  affine: [(x, alpha, beta) => x.mul(alpha).add(beta), 1, 0],
  leakyrelu: [(x, alpha) => where(x.less(0), x.mul(alpha), x), 0.01],
  thresholdedrelu: [(x, alpha) => where(x.less(alpha), 0, x), 1],
  scaledtanh: [(x, alpha, beta) => x.mul(beta).tanh().mul(alpha), 1, 1],
  hardsigmoid: [(x, alpha, beta) => x.mul(alpha).add(beta).clamp(0, 1), 0.2, 0.5],
  elu: [(x, alpha) => where(x.less(0), x.expm1().mul(alpha), x), 1],
};

interface StepInputs {
  /** [batch, gates · hidden]: the element times its weights, with its bias. */
  readonly fromInput: Tensor;
  readonly hidden: Tensor;
  readonly cell: Tensor;
  /** [hidden, gates · hidden] and its bias [gates · hidden]. */
  readonly weights: Tensor;
  readonly bias: Tensor;
  /** [3 · hidden]: input, output, forget. */
  readonly peepholes: Tensor;
  readonly activate: readonly ((x: Tensor) => Tensor)[];
  readonly options: { readonly linearBeforeReset: boolean; readonly inputForget: boolean };
}

interface Cell {
  readonly gates: number;
  readonly activations: readonly string[];
  /** The next hidden state and cell. */
  step(inputs: StepInputs): readonly [hidden: Tensor, cell: Tensor];
}

const parts = (x: Tensor, count: number): Tensor[] => {
  const width = x.shape.at(-1)! / count;
  return x.split(new Array<number>(count).fill(width), -1);
};

/** Gates in ONNX's order; formulas as in its operator reference. */
const CELLS = {
  RNN: {
    gates: 1,
    activations: ["Tanh"],
    step: ({ fromInput, hidden, cell, weights, bias, activate: [f] }) => [
      f!(fromInput.add(hidden.matmul(weights)).add(bias)),
      cell,
    ],
  },
  /** i, o, f, c. */
  LSTM: {
    gates: 4,
    activations: ["Sigmoid", "Tanh", "Tanh"],
    step({ fromInput, hidden, cell, weights, bias, peepholes, activate: [f, g, h], options: { inputForget } }) {
      const [i, o, forget, c] = parts(fromInput.add(hidden.matmul(weights)).add(bias), 4);
      const [toInput, toOutput, toForget] = parts(peepholes, 3);
      const input = f!(i!.add(cell.mul(toInput!)));
      const kept = inputForget ? input.neg().add(1) : f!(forget!.add(cell.mul(toForget!)));
      const next = kept.mul(cell).add(input.mul(g!(c!)));
      return [f!(o!.add(next.mul(toOutput!))).mul(h!(next)), next];
    },
  },
  /** z, r, h. */
  GRU: {
    gates: 3,
    activations: ["Sigmoid", "Tanh"],
    step({ fromInput, hidden, cell, weights, bias, activate: [f, g], options: { linearBeforeReset } }) {
      const [zInput, rInput, hInput] = parts(fromInput, 3);
      const [zWeights, rWeights, hWeights] = parts(weights, 3);
      const [zBias, rBias, hBias] = parts(bias, 3);
      const update = f!(zInput!.add(hidden.matmul(zWeights!)).add(zBias!));
      const reset = f!(rInput!.add(hidden.matmul(rWeights!)).add(rBias!));
      const inner = linearBeforeReset
        ? reset.mul(hidden.matmul(hWeights!).add(hBias!))
        : reset.mul(hidden).matmul(hWeights!).add(hBias!);
      const candidate = g!(hInput!.add(inner));
      return [candidate.add(update.mul(hidden.sub(candidate))), cell];
    },
  },
} as const satisfies Record<string, Cell>;

const DIRECTIONS: Readonly<Record<string, readonly boolean[]>> = {
  forward: [false],
  reverse: [true],
  bidirectional: [false, true],
};

/** One for each activation of the layer, the two directions' one after the other; constants in the same order. */
function activationsOf(call: Call, cell: Cell, direction: number): ((x: Tensor) => Tensor)[] {
  const count = cell.activations.length;
  const names = call.strings("activations", []);
  const limit = call.has("clip") ? call.float("clip") : undefined;
  const [alphas, betas] = [call.floats("activation_alpha", []), call.floats("activation_beta", [])];
  return cell.activations.map((usual, i) => {
    const at = direction * count + i;
    const name = names[at] ?? usual;
    const [apply, alpha = 0, beta = 0] = expectKnown(ACTIVATIONS, name.toLowerCase(), "attribute.activations");
    return (x) => apply(limit === undefined ? x : x.clamp(-limit, limit), alphas[at] ?? alpha, betas[at] ?? beta);
  });
}

/** I32 [time, batch]: where each element goes when every sequence is turned around within its own length. */
function turned(like: Tensor, lengths: Tensor, [time, batch]: readonly [number, number]): Tensor {
  const steps = like
    .constant({ dtype: "I32", shape: [time, 1], data: Int32Array.from({ length: time }, (_, t) => t) })
    .broadcastTo([time, batch]);
  const ends = lengths.reshape([1, batch]);
  return where(steps.less(ends), ends.sub(1).sub(steps), steps);
}

const recurrent =
  (name: keyof typeof CELLS): Operator =>
  (call) => {
    const cell: Cell = CELLS[name];
    const isBatchFirst = call.int("layout", 0) === 1;
    const swap = (x: Tensor): Tensor => (isBatchFirst ? x.permute([1, 0, 2]) : x);
    const x = swap(call.tensor(0));
    const runs = expectKnown(DIRECTIONS, call.string("direction", "forward"), "attribute.direction").map(
      (reverse, direction) => runDirection(call, cell, x, { direction, reverse, swap }),
    );
    const all = stack(
      runs.map(({ outputs }) => outputs),
      1,
    ); // [time, directions, batch, hidden]
    const last = (pick: (run: (typeof runs)[number]) => Tensor): Output => swap(stack(runs.map(pick), 0));
    return [
      isBatchFirst ? all.permute([2, 0, 1, 3]) : all,
      last(({ hidden }) => hidden),
      ...(name === "LSTM" ? [last(({ cell: kept }) => kept)] : []),
    ];
  };

interface Run {
  readonly direction: number;
  readonly reverse: boolean;
  readonly swap: (x: Tensor) => Tensor;
}

function runDirection(call: Call, cell: Cell, x: Tensor, { direction, reverse, swap }: Run) {
  const [time, batch] = x.shape as [number, number, number];
  const own = (tensor: Tensor): Tensor =>
    tensor.slice([direction], [direction + 1, ...tensor.shape.slice(1)]).reshape(tensor.shape.slice(1));
  const [weights, hiddenWeights] = [own(call.tensor(1)), own(call.tensor(2))];
  const width = hiddenWeights.shape[1]!;
  const zeros = (...shape: number[]): Tensor => x.constant(0).broadcastTo(shape);
  const optional = (index: number): Tensor | undefined => call.optional(index);
  const biases = optional(3);
  const [bias, hiddenBias] =
    biases === undefined ? [zeros(cell.gates * width), zeros(cell.gates * width)] : parts(own(biases), 2);
  const lengths = optional(4);
  const start = (index: number): Tensor => {
    const given = optional(index);
    return given === undefined ? zeros(batch, width) : own(swap(given));
  };
  const peepholes = optional(7);
  const isTurnedApart = reverse && lengths !== undefined;
  const order = isTurnedApart ? turned(x, lengths, [time, batch]) : undefined;
  const along = (sequence: Tensor): Tensor =>
    order === undefined ? sequence : sequence.takeAlong(order.reshape([time, batch, 1]).broadcastTo(sequence.shape), 0);
  const projected = along(x).matmul(weights.transpose()).add(bias!);
  const alive =
    lengths === undefined
      ? x.constant(1, "BOOL").broadcastTo([time, batch, 1])
      : x
          .constant({ dtype: "I32", shape: [time, 1, 1], data: Int32Array.from({ length: time }, (_, t) => t) })
          .less(lengths.reshape([1, batch, 1]));
  const options = {
    linearBeforeReset: call.int("linear_before_reset", 0) === 1,
    inputForget: call.int("input_forget", 0) === 1,
  };
  const activate = activationsOf(call, cell, direction);
  const { carry, outputs } = scan(
    {
      carry: [start(5), start(6)],
      over: [projected, alive],
      given: [hiddenWeights.transpose(), hiddenBias!, peepholes === undefined ? zeros(3 * width) : own(peepholes)],
      reverse: reverse && !isTurnedApart,
    },
    ([hidden, memory], [fromInput, isAlive], [recurrentWeights, recurrentBias, holes]) => {
      const inputs = {
        fromInput: fromInput!,
        hidden: hidden!,
        cell: memory!,
        weights: recurrentWeights!,
        bias: recurrentBias!,
      };
      const [next, kept] = cell.step({ ...inputs, peepholes: holes!, activate, options });
      return {
        carry: [where(isAlive!, next, hidden!), where(isAlive!, kept, memory!)],
        outputs: [where(isAlive!, next, 0)],
      };
    },
  );
  return { outputs: along(outputs[0]!), hidden: carry[0]!, cell: carry[1]! };
}

export const recurrence: Readonly<Record<string, Operator>> = {
  RNN: recurrent("RNN"),
  LSTM: recurrent("LSTM"),
  GRU: recurrent("GRU"),
};

/** @file Recurrent layers: a cell along sequences, stacked, in one direction or both. */
import { concat, scan, type Tensor } from "../../engine/index.ts";
import { CELLS, type Cell, type CellName } from "./cells.ts";
import { dropout } from "./dropout.ts";
import { expectSequence } from "./expect.ts";
import { uniformWithin } from "./initialisers.ts";
import { withinLengths } from "./lengths.ts";
import { layer, type Scope } from "./scope.ts";

export interface RecurrentOptions {
  readonly cell: CellName;
  /** Width of the hidden state. */
  readonly hidden: number;
  /** How many stand on each other; 1 when left out. */
  readonly layers?: number;
  /** A second cell reads each sequence from its end; outputs and last states of the two stand side by side. */
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
  /** Between layers. */
  readonly dropout?: number;
  /**
   * I32 [batch]: each sequence's length. Beyond it outputs are zeros, the state stays, and the second direction begins at
   * its end, as with PyTorch's packed sequences.
   */
  readonly lengths?: Tensor;
  /** BOOL [batch, time]: before which steps what is remembered is emptied, as where episodes begin inside a sequence. */
  readonly starts?: Tensor;
  /** What is remembered before the first step, in the form of `last`; zeros when left out. */
  readonly initial?: Recurrence["last"];
}

export interface Recurrence {
  /** [batch, time, directions · hidden], of the last layer. */
  readonly outputs: Tensor;
  /**
   * What is remembered after the last step, by layer and in it by direction: hidden state, and an LSTM's cell after it, each
   * [batch, hidden].
   */
  readonly last: readonly (readonly Tensor[])[];
}

/**
 * `torch.nn.RNN`, `LSTM`, `GRU` with `batch_first`; their initial values too. Each layer and direction has
 * weightIh [inputs, gates · hidden], weightHh [hidden, gates · hidden], biasIh and biasHh [gates · hidden], under
 * `layers.0` and `layers.0.reverse`.
 * @param x [batch, time, features]
 */
export const recurrent = layer("recurrent", (scope: Scope, x: Tensor, options: RecurrentOptions): Recurrence => {
  expectSequence(scope, x);
  const { layers = 1, bidirectional = false, dropout: rate = 0, lengths } = options;
  const [batch, time] = x.shape as [number, number, number];
  const counts = lengths && withinLengths(lengths, time).transpose().reshape([time, batch, 1]);
  const starts = options.starts?.transpose().reshape([time, batch, 1]);
  const last: Tensor[][] = [];
  let sequence = x.permute([1, 0, 2]);
  for (let index = 0; index < layers; index++) {
    const layer = scope.child(`layers.${index}`);
    const input = index === 0 ? sequence : dropout(layer, sequence, { rate });
    const directions = bidirectional ? [layer, layer.child("reverse")] : [layer];
    const runs = directions.map((direction, place) =>
      remembering(direction, options, batch, options.initial?.[last.length + place], (initial) =>
        along(direction, input, { counts, starts }, { ...options, initial, reverse: place === 1 }),
      ),
    );
    last.push(...runs.map((run) => run.memories));
    sequence = concat(
      runs.map(({ outputs }) => outputs),
      2,
    );
  }
  return { outputs: sequence.permute([1, 0, 2]), last };
});

interface Run {
  readonly outputs: Tensor;
  readonly memories: Tensor[];
}

interface Beginning {
  readonly initial: readonly Tensor[] | undefined;
  /** Whether it reads from the end. */
  readonly reverse: boolean;
}

/** Where a sequence comes piece by piece, a run goes on from what is remembered, and is remembered in its turn. */
function remembering(
  { past, path }: Scope,
  { cell, hidden }: RecurrentOptions,
  batch: number,
  initial: readonly Tensor[] | undefined,
  run: (initial: readonly Tensor[] | undefined) => Run,
): Run {
  if (past === null) return run(initial);
  const names = Array.from({ length: CELLS[cell].memories }, (_, index) => `${path}.${index}`);
  const done = run(names.map((name) => past.recall(name, [batch, hidden])));
  for (const [index, name] of names.entries()) past.remember(name, done.memories[index]!);
  return done;
}

/**
 * One layer in one direction.
 * @param x [time, batch, features]
 * @param marks BOOL [time, batch, 1]: where sequences go on, and where they begin anew
 */
function along(
  scope: Scope,
  x: Tensor,
  { counts, starts }: { readonly counts: Tensor | undefined; readonly starts: Tensor | undefined },
  { cell: name, hidden, bias = true, reverse, initial }: Omit<RecurrentOptions, "initial"> & Beginning,
): Run {
  const cell: Cell = CELLS[name];
  const init = uniformWithin(1 / Math.sqrt(hidden));
  const width = cell.gates * hidden;
  const weights = scope.parameter("weightHh", [hidden, width], init);
  const [biasIh, biasHh] = ["biasIh", "biasHh"].map((path) => (bias ? scope.parameter(path, [width], init) : null));
  const zeros = x.constant(0).broadcastTo([x.shape[1]!, hidden]);
  const first = initial ?? new Array<Tensor>(cell.memories).fill(zeros);

  if (name === "lstm") {
    const weightIh = scope.parameter("weightIh", [x.shape[2]!, width], init);
    const shift = biasIh && biasHh ? biasIh.add(biasHh) : x.constant(0).broadcastTo([width]);
    const marks = [counts, starts].flatMap((mark) => mark?.reshape(x.shape.slice(0, 2)) ?? []);
    const form = { reverse, masked: counts !== undefined };
    const done = x.op("lstm", form, weightIh, weights, shift, ...first, ...marks);
    return { outputs: done.part(0), memories: [done.part(1), done.part(2)] };
  }
  // All inputs at once; only what the hidden state changes is left to the steps.
  const product = x.matmul(scope.parameter("weightIh", [x.shape[2]!, width], init));
  // Where nothing comes between, the biases are added in the steps, to what is at hand there.
  const ahead = cell.gatesHidden && biasIh ? product.add(biasIh) : product;
  const inside = biasIh && biasHh ? [cell.gatesHidden ? biasHh : biasIh.add(biasHh)] : [];

  const { carry, outputs } = scan(
    {
      carry: first,
      over: [ahead, ...(counts === undefined ? [] : [counts]), ...(starts === undefined ? [] : [starts])],
      given: [weights, ...inside],
      reverse,
    },
    (before, [fromInput, ...marks], [weight, shift]) => {
      const goesOn = counts && marks[0];
      const begins = starts && marks.at(-1);
      const memories = begins === undefined ? before : before.map((value) => begins.where(0, value));
      const fromHidden = memories[0]!.matmul(weight!);
      const next = cell.step(fromInput!, shift === undefined ? fromHidden : fromHidden.add(shift), memories);
      if (goesOn === undefined) return { carry: next, outputs: [next[0]!] };
      return {
        carry: next.map((value, i) => goesOn.where(value, memories[i]!)),
        outputs: [goesOn.where(next[0]!, 0)],
      };
    },
  );
  return { outputs: outputs[0]!, memories: carry };
}

/** @file Recurrent cells: the table of how one step changes what a recurrent layer remembers. */
import type { Tensor } from "../../engine/index.ts";

export interface Cell {
  /** How many vectors of the hidden width it computes from its input. */
  readonly gates: number;
  /** How many vectors it remembers; the first is its output. */
  readonly memories: number;
  /** Whether a gate acts on the hidden state's product, so that its bias cannot be added to the input's ahead of time. */
  readonly gatesHidden: boolean;
  /**
   * @param fromInput, fromHidden [batch, gates · hidden]: input and hidden state, each times its weights plus its bias
   * @param memories each [batch, hidden] @returns the next ones
   */
  step(fromInput: Tensor, fromHidden: Tensor, memories: readonly Tensor[]): Tensor[];
  readonly description: string;
}

function gatesOf(x: Tensor, count: number): Tensor[] {
  return x.split(new Array<number>(count).fill(x.shape.at(-1)! / count), -1);
}

export const CELLS = {
  rnn: {
    gates: 1,
    memories: 1,
    gatesHidden: false,
    step: (fromInput, fromHidden) => [fromInput.add(fromHidden).tanh()],
    description: "tanh of input and last output (Elman 1990)",
  },
  /** Gates in PyTorch's order: input, forget, candidate, output. */
  lstm: {
    gates: 4,
    memories: 2,
    gatesHidden: false,
    step(fromInput, fromHidden, [, cell]) {
      const [input, forget, candidate, output] = gatesOf(fromInput.add(fromHidden), 4);
      const next = forget!.sigmoid().mul(cell!).add(input!.sigmoid().mul(candidate!.tanh()));
      return [output!.sigmoid().mul(next.tanh()), next];
    },
    description: "gates decide what enters, stays and leaves (Hochreiter and Schmidhuber 1997; Gers et al. 2000)",
  },
  /** Gates in PyTorch's order: reset, update, candidate; as there, the reset acts after the product (version 1 of the paper). */
  gru: {
    gates: 3,
    memories: 1,
    gatesHidden: true,
    step(fromInput, fromHidden, [hidden]) {
      const [inputReset, inputUpdate, inputCandidate] = gatesOf(fromInput, 3);
      const [hiddenReset, hiddenUpdate, hiddenCandidate] = gatesOf(fromHidden, 3);
      const reset = inputReset!.add(hiddenReset!).sigmoid();
      const update = inputUpdate!.add(hiddenUpdate!).sigmoid();
      const candidate = inputCandidate!.add(reset.mul(hiddenCandidate!)).tanh();
      return [candidate.add(update.mul(hidden!.sub(candidate)))];
    },
    description: "two gates decide what is forgotten and what is renewed (Cho et al. 2014)",
  },
} as const satisfies Record<string, Cell>;

export type CellName = keyof typeof CELLS;
export const CELL_NAMES = Object.keys(CELLS) as [CellName, ...CellName[]];

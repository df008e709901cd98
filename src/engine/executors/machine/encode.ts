/** @file From instructions to the words that the kernels read. */
import { type Instruction, OPCODES } from "./instruction.ts";
import { END, FLAG_POLL, FLAG_WAKE, HEAD_LENGTH } from "./kernels/layout.ts";

/** Between two looks at the interrupt word, in nanoseconds of estimated work; the first is before the first instruction. */
const POLL_INTERVAL = 1e6;
/** Work for which sleeping helpers are woken, in nanoseconds. */
const WORTH_WAKING = 1e5;

export interface Encoded {
  /** Arena addresses count from the arena's start; `relocations` says at which words they stand. */
  readonly words: Int32Array;
  readonly relocations: readonly number[];
}

/** @param poll whether someone may interrupt the program */
export function encode(instructions: readonly Instruction[], poll: boolean): Encoded {
  const words: number[] = [];
  const relocations: number[] = [];
  let sincePoll = POLL_INTERVAL;
  let isCommitted = false;
  for (const instruction of instructions) {
    isCommitted ||= instruction.commits === true;
    const looks = poll && !isCommitted && sincePoll >= POLL_INTERVAL;
    sincePoll = looks ? instruction.nanoseconds : sincePoll + instruction.nanoseconds;
    const flags = (looks ? FLAG_POLL : 0) | (instruction.nanoseconds >= WORTH_WAKING ? FLAG_WAKE : 0);
    const { kind, operands, units, grain } = instruction;
    words.push(OPCODES[kind], flags, HEAD_LENGTH + operands.length * 4, units, grain);
    for (const operand of operands) {
      if (typeof operand === "number") {
        words.push(operand);
        continue;
      }
      if (operand.buffer.home === "arena") relocations.push(words.length);
      words.push(operand.buffer.address + (operand.offset ?? 0) + (operand.tag ?? 0));
    }
  }
  words.push(END, 0, HEAD_LENGTH, 0, 0);
  return { words: Int32Array.from(words), relocations };
}

/** @file From instructions to the words that the kernels read. */
import type { Buffer } from "../../plan/plan.ts";
import { type Instruction, isLoop, type Loop, OPCODES } from "./instruction.ts";
import { END, FLAG_POLL, FLAG_WAKE, HEAD_LENGTH, REPEAT } from "./kernels/layout.ts";

/** Between two looks at the interrupt word, in nanoseconds of estimated work; the first is before the first instruction. */
const POLL_INTERVAL = 1e6;
/** Work for which sleeping helpers are woken, in nanoseconds. */
const WORTH_WAKING = 1e5;

export interface Encoded {
  /** Arena addresses count from the arena's start; `relocations` says at which words they stand. */
  readonly words: Int32Array;
  readonly relocations: readonly number[];
  /** The instructions by the word at which they begin. */
  readonly starts: ReadonlyMap<number, Instruction>;
}

/** Where a buffer stands: in the arena or not, and what each turn of the loop around it adds. */
interface Standing {
  readonly address: number;
  readonly isInArena: boolean;
  readonly step: number;
}

type Resolve = (buffer: Buffer) => Standing;

const resolveOutermost: Resolve = ({ address, home }) => ({ address, isInArena: home === "arena", step: 0 });

function resolveIn({ arena, turns, reverse }: Loop, outer: Resolve): Resolve {
  return ({ address, home, inside }) => {
    if (home === "fixed") return { address, isInArena: false, step: 0 };
    const around = outer(inside?.buffer ?? arena);
    const step = inside?.step ?? 0;
    const first = around.address + address + (reverse ? (turns - 1) * step : 0);
    return { ...around, address: first, step: reverse ? -step : step };
  };
}

/** A word that holds the address of an element. */
interface Moving extends Standing {
  readonly word: number;
}

/** @param poll whether someone may interrupt the program */
export function encode(instructions: readonly Instruction[], poll: boolean): Encoded {
  const words: number[] = [];
  const relocations: number[] = [];
  const starts = new Map<number, Instruction>();
  let sincePoll = POLL_INTERVAL;
  let isCommitted = false;

  function flagsOf({ commits, nanoseconds }: Instruction): number {
    isCommitted ||= commits === true;
    const looks = poll && !isCommitted && sincePoll >= POLL_INTERVAL;
    sincePoll = looks ? nanoseconds : sincePoll + nanoseconds;
    return (looks ? FLAG_POLL : 0) | (nanoseconds >= WORTH_WAKING ? FLAG_WAKE : 0);
  }

  function emit(list: readonly Instruction[], resolve: Resolve, moving: Moving[]): void {
    for (const instruction of list) {
      starts.set(words.length, instruction);
      if (isLoop(instruction)) emitLoop(instruction, resolve);
      else emitPlain(instruction, resolve, moving);
    }
  }

  function emitPlain(instruction: Instruction, resolve: Resolve, moving: Moving[]): void {
    const { kind, operands, units, grain } = instruction;
    words.push(OPCODES[kind], flagsOf(instruction), HEAD_LENGTH + operands.length * 4, units, grain);
    for (const operand of operands) {
      if (typeof operand === "number") {
        words.push(operand);
        continue;
      }
      const standing = resolve(operand.buffer);
      const address = standing.address + (operand.offset ?? 0) + (operand.tag ?? 0);
      if (standing.step !== 0) moving.push({ ...standing, address, word: words.length });
      else if (standing.isInArena) relocations.push(words.length);
      words.push(address);
    }
  }

  function emitLoop(loop: Loop, resolve: Resolve): void {
    const start = words.length;
    const within = resolveIn(loop, resolve);
    const table = loop.body
      .flatMap(({ operands }) => operands)
      .filter((operand) => typeof operand !== "number" && within(operand.buffer).step !== 0).length;
    const headWords = HEAD_LENGTH / 4 + 4 + table * 3;
    const isLong = loop.nanoseconds >= POLL_INTERVAL;
    words.push(OPCODES.loop, flagsOf({ ...loop, nanoseconds: 0 }), headWords * 4, 0, 0, loop.turns, 0, 0, table);
    words.push(...new Array<number>(table * 3).fill(0));
    const moving: Moving[] = [];
    const before = sincePoll;
    emit(loop.body, within, moving);
    sincePoll = isLong ? POLL_INTERVAL : before + loop.nanoseconds;
    const back = (words.length - start) * 4;
    words.push(REPEAT, poll && !isCommitted && isLong ? FLAG_POLL : 0, HEAD_LENGTH + 4, 0, 0, back);
    words[start + HEAD_LENGTH / 4 + 2] = (words.length - start) * 4;
    moving.forEach(({ word, address, isInArena, step }, i) => {
      const entry = start + HEAD_LENGTH / 4 + 4 + i * 3;
      words.splice(entry, 3, (word - start) * 4, address, step);
      if (isInArena) relocations.push(entry + 1);
    });
  }

  emit(instructions, resolveOutermost, []);
  words.push(END, 0, HEAD_LENGTH, 0, 0);
  return { words: Int32Array.from(words), relocations, starts };
}

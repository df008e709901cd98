/** @file From instructions to the words that the kernels read, and where threads must meet between them. */
import type { Buffer } from "../../plan/plan.ts";
import type { Access, Instruction } from "./instruction.ts";
import { END, FLAG_BARRIER, FLAG_POLL, HEAD_LENGTH } from "./kernels/layout.ts";

/** Between two looks at the interrupt word, in nanoseconds of estimated work; the first is before the first instruction. */
const POLL_INTERVAL = 1e6;

export interface Encoded {
  /** Arena addresses count from the arena's start; `relocations` says at which words they stand. */
  readonly words: Int32Array;
  readonly relocations: readonly number[];
  readonly barriers: number;
}

interface Touched {
  readonly home: Buffer["home"];
  readonly start: number;
  readonly end: number;
  readonly isWrite: boolean;
  readonly pattern: string | undefined;
}

/** All of an instruction that is too small to share is done by the first thread. */
const SOLO = "solo";

function touchedBy({ reads, writes, units, grain }: Instruction): Touched[] {
  const isSolo = units <= grain;
  const of = (isWrite: boolean) => (access: Access) => ({
    home: access.buffer.home,
    start: access.buffer.address,
    end: access.buffer.address + access.buffer.bytes,
    isWrite,
    pattern: isSolo ? SOLO : access.pattern,
  });
  return [...reads.map(of(false)), ...writes.map(of(true))];
}

function conflict(a: Touched, b: Touched): boolean {
  if (!a.isWrite && !b.isWrite) return false;
  if (a.home !== b.home || a.start >= b.end || b.start >= a.end) return false;
  if (a.pattern === undefined || a.pattern !== b.pattern) return true;
  return a.pattern !== SOLO && a.start !== b.start;
}

/** Before which instructions threads meet: where one touches what another thread may have written, or may still read. */
export function barriersOf(instructions: readonly Instruction[]): boolean[] {
  let since: Touched[] = [];
  return instructions.map((instruction) => {
    const now = touchedBy(instruction);
    const meets = now.some((a) => since.some((b) => conflict(a, b)));
    since = meets ? now : [...since, ...now];
    return meets;
  });
}

/** @param poll whether someone may interrupt the program */
export function encode(instructions: readonly Instruction[], poll: boolean): Encoded {
  const barriers = barriersOf(instructions);
  const words: number[] = [];
  const relocations: number[] = [];
  let sincePoll = POLL_INTERVAL;
  let isCommitted = false;
  instructions.forEach((instruction, index) => {
    isCommitted ||= instruction.commits === true;
    const looks = poll && !isCommitted && sincePoll >= POLL_INTERVAL;
    sincePoll = looks ? instruction.nanoseconds : sincePoll + instruction.nanoseconds;
    const flags = (barriers[index] || looks ? FLAG_BARRIER : 0) | (looks ? FLAG_POLL : 0);
    const { opcode, operands, units, grain } = instruction;
    words.push(opcode, flags, HEAD_LENGTH + operands.length * 4, units, grain);
    for (const operand of operands) {
      if (typeof operand === "number") {
        words.push(operand);
        continue;
      }
      if (operand.buffer.home === "arena") relocations.push(words.length);
      words.push(operand.buffer.address + (operand.offset ?? 0) + (operand.tag ?? 0));
    }
  });
  words.push(END, 0, HEAD_LENGTH, 0, 0);
  return { words: Int32Array.from(words), relocations, barriers: barriers.filter(Boolean).length };
}

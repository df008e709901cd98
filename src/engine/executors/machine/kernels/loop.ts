/**
 * @file Loops: the instructions between a LOOP and its REPEAT, run again and again. What changes from turn to turn is where
 * elements of sequences stand, so the words that hold such addresses are written anew before each turn; nothing else is.
 *
 * LOOP's operands: turns, the present turn, bytes from this instruction to the one after the loop, how many words change,
 * then for each: bytes from this instruction to the word, its value in the first turn, what a turn adds.
 * REPEAT's operand: bytes back to the LOOP.
 */
import { HEAD_BYTES, HEAD_LENGTH } from "./layout";

/** Writes the words of one turn. */
function write(loop: usize, turn: i32): void {
  store<i32>(loop, turn, HEAD_LENGTH + 4);
  let at = loop + HEAD_LENGTH + 16;
  for (let count = load<i32>(loop, HEAD_LENGTH + 12); count > 0; count--, at += 12) {
    store<i32>(loop + <usize>load<i32>(at), load<i32>(at, 4) + turn * load<i32>(at, 8));
  }
}

/** Begins a loop; gives the instruction to go on with. */
export function enter(loop: usize): usize {
  if (load<i32>(loop, HEAD_LENGTH) == 0) return loop + <usize>load<i32>(loop, HEAD_LENGTH + 8);
  write(loop, 0);
  return loop + <usize>load<i32>(loop, HEAD_BYTES);
}

/** Ends a turn; gives the instruction to go on with. */
export function repeat(at: usize): usize {
  const loop = at - <usize>load<i32>(at, HEAD_LENGTH);
  const turn = load<i32>(loop, HEAD_LENGTH + 4) + 1;
  if (turn == load<i32>(loop, HEAD_LENGTH)) return at + <usize>load<i32>(at, HEAD_BYTES);
  write(loop, turn);
  return loop + <usize>load<i32>(loop, HEAD_BYTES);
}

/**
 * @file The machine: walks a program's instructions. Every thread walks the same list; each kernel takes the thread's
 * share of the instruction's units, and threads meet only where the program says so.
 */
import * as op from "./layout";
import { copy, copyStrided, fill, gather, oneHot, scatterAdd } from "./move";
import { pointwise } from "./pointwise";
import { product, thinProduct } from "./product";
import { extremePosition, reduceColumns, reduceIntegers, reduceRows } from "./reduce";
import { announce, barrier, nextRun } from "./threads";

/** Whether the host wants the run to stop. */
// @ts-expect-error: decorator
@external("env", "interrupted")
declare function interrupted(): i32;

/** 1 when the program ran to its end, 0 when it was interrupted before it changed any state. */
function execute(program: usize, thread: i32, threads: i32): i32 {
  const scratch = <usize>load<u32>(op.CONTROL_SCRATCH) + <usize>thread * op.SCRATCH_BYTES;
  let at = program;
  while (true) {
    const flags = load<i32>(at, op.HEAD_FLAGS);
    if (flags != 0) {
      const poll = (flags & op.FLAG_POLL) != 0;
      // Threads agree to stop at this very instruction: a quicker thread may already have written a later one's address.
      if (poll && thread == 0 && interrupted() != 0) atomic.store<i32>(op.CONTROL_STOP, <i32>at);
      if (threads > 1) barrier(threads);
      if (poll && atomic.load<i32>(op.CONTROL_STOP) == <i32>at) return 0;
    }
    const opcode = load<i32>(at);
    if (opcode == op.END) return 1;
    const units = load<i32>(at, op.HEAD_UNITS);
    let from = 0;
    let to = units;
    if (threads > 1) {
      const share = max(load<i32>(at, op.HEAD_GRAIN), (units + threads - 1) / threads);
      from = min(units, share * thread);
      to = min(units, from + share);
    }
    if (from < to) {
      switch (opcode) {
        case op.POINTWISE:
          pointwise(at, from, to, scratch);
          break;
        case op.PRODUCT:
          product(at, from, to, scratch);
          break;
        case op.THIN_PRODUCT:
          thinProduct(at, from, to, scratch);
          break;
        case op.REDUCE_ROWS:
          reduceRows(at, from, to);
          break;
        case op.REDUCE_COLUMNS:
          reduceColumns(at, from, to, scratch);
          break;
        case op.REDUCE_INTEGERS:
          reduceIntegers(at, from, to);
          break;
        case op.EXTREME_POSITION:
          extremePosition(at, from, to);
          break;
        case op.COPY:
          copy(at, from, to);
          break;
        case op.COPY_STRIDED:
          copyStrided(at, from, to);
          break;
        case op.FILL:
          fill(at, from, to);
          break;
        case op.GATHER:
          gather(at, from, to);
          break;
        case op.SCATTER_ADD:
          scatterAdd(at, from, to);
          break;
        case op.ONE_HOT:
          oneHot(at, from, to);
          break;
        default:
          unreachable();
      }
    }
    at += <usize>load<i32>(at, op.HEAD_BYTES);
  }
}

/** Runs a program on this thread and, where it wants more than one and they are ready, on helpers. */
export function run(program: usize, wanted: i32): i32 {
  atomic.store<i32>(op.CONTROL_STOP, 0);
  const threads = wanted > 1 ? min(wanted, 1 + atomic.load<i32>(op.CONTROL_READY)) : 1;
  if (threads == 1) return execute(program, 0, 1);
  store<u32>(op.CONTROL_PROGRAM, <u32>program);
  announce(threads);
  const completed = execute(program, 0, threads);
  barrier(threads);
  return completed;
}

/** A helper thread's life: takes a number, then its share of every run that wants that many threads. */
export function serve(): void {
  let seen = atomic.load<i32>(op.CONTROL_RUN);
  const thread = atomic.add<i32>(op.CONTROL_READY, 1) + 1;
  while (true) {
    seen = nextRun(seen);
    if (seen == -1) return;
    const threads = seen & 255;
    if (thread >= threads) continue;
    execute(<usize>load<u32>(op.CONTROL_PROGRAM), thread, threads);
    barrier(threads);
  }
}

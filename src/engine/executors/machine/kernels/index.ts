/**
 * @file The machine: walks a program's instructions, one after the other. Work large enough is cut into chunks that helper
 * threads take too; which thread computes a chunk never changes a bit of it.
 */
import { attention, attentionGradients } from "./attention";
import { convert } from "./convert";
import { convolve, packTaps } from "./convolution";
import { convolveWeights } from "./convolutionWeights";
import { layerNorm, layerNormGradients } from "./layerNorm";
import * as op from "./layout";
import { enter, repeat } from "./loop";
import { lstm, lstmGradients } from "./lstm";
import { channelProducts, moments } from "./moments";
import { copy, copyStrided, fill, gather, oneHot, scatterAdd } from "./move";
import { planes } from "./planes";
import { pointwise } from "./pointwise";
import { maxPool, maxPoolGradient, scatterAlong } from "./pool";
import { product } from "./product";
import { extremePosition, reduceColumns, reduceIntegers, reduceRows } from "./reduce";
import { thinProduct } from "./thinProduct";
import { finish, join, nextChunk, publish, settle, take, wake } from "./threads";
import { winograd2, winograd2Weights } from "./winograd2";
import { winograd, winogradGradient, winogradSums, winogradWeights } from "./winograd";

/** Whether the host wants the run to stop. */
// @ts-ignore: decorator
@external("env", "interrupted")
declare function interrupted(): i32;

/** Units [from, to) of one instruction. */
function perform(at: usize, from: i32, to: i32, scratch: usize): void {
  switch (load<i32>(at)) {
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
    case op.CONVOLVE:
      convolve(at, from, to, scratch);
      break;
    case op.PACK_TAPS:
      packTaps(at, from, to);
      break;
    case op.PLANES:
      planes(at, from, to);
      break;
    case op.CONVOLVE_WEIGHTS:
      convolveWeights(at, from, to, scratch);
      break;
    case op.MAX_POOL:
      maxPool(at, from, to);
      break;
    case op.SCATTER_ALONG:
      scatterAlong(at, from, to);
      break;
    case op.MAX_POOL_GRADIENT:
      maxPoolGradient(at, from, to);
      break;
    case op.MOMENTS:
      moments(at, from, to, scratch);
      break;
    case op.CHANNEL_PRODUCTS:
      channelProducts(at, from, to, scratch);
      break;
    case op.WINOGRAD:
      winograd(at, from, to, scratch);
      break;
    case op.WINOGRAD_WEIGHTS:
      winogradWeights(at, from, to, scratch);
      break;
    case op.WINOGRAD_SUMS:
      winogradSums(at, from, to, scratch);
      break;
    case op.WINOGRAD_GRADIENT:
      winogradGradient(at, from, to, scratch);
      break;
    case op.ATTENTION:
      attention(at, from, to, scratch);
      break;
    case op.ATTENTION_GRADIENTS:
      attentionGradients(at, from, to, scratch);
      break;
    case op.LSTM:
      lstm(at, from, to, scratch);
      break;
    case op.LSTM_GRADIENTS:
      lstmGradients(at, from, to, scratch);
      break;
    case op.LAYER_NORM:
      layerNorm(at, from, to);
      break;
    case op.LAYER_NORM_GRADIENTS:
      layerNormGradients(at, from, to);
      break;
    case op.CONVERT:
      convert(at, from, to);
      break;
    case op.WINOGRAD2:
      winograd2(at, from, to, scratch);
      break;
    case op.WINOGRAD2_WEIGHTS:
      winograd2Weights(at, from, to, scratch);
      break;
    default:
      unreachable();
  }
}

/** A chunk of the published instruction. */
function performChunk(chunk: i32, scratch: usize): void {
  const at = <usize>load<u32>(op.CONTROL_INSTRUCTION);
  const share = load<i32>(op.CONTROL_CHUNK_UNITS);
  perform(at, chunk * share, min(load<i32>(at, op.HEAD_UNITS), (chunk + 1) * share), scratch);
  finish();
}

function scratchOf(thread: i32): usize {
  return <usize>load<u32>(op.CONTROL_SCRATCH) + <usize>thread * op.SCRATCH_BYTES;
}

/**
 * Runs a program on this thread and, where it wants more than one, on the helpers that are up.
 * @returns 1 when it ran to its end, 0 when it was interrupted before it changed any state, −1 when a helper died
 */
export function run(program: usize, threads: i32): i32 {
  const scratch = scratchOf(0);
  const isShared = threads > 1 && atomic.load<i32>(op.CONTROL_READY) > 0;
  if (isShared) {
    settle(threads);
    wake(threads);
  }
  let at = program;
  while (true) {
    const flags = load<i32>(at, op.HEAD_FLAGS);
    if ((flags & op.FLAG_POLL) != 0 && interrupted() != 0) return 0;
    const code = load<i32>(at);
    if (code == op.END) return 1;
    if (code == op.LOOP || code == op.REPEAT) {
      at = code == op.LOOP ? enter(at) : repeat(at);
      continue;
    }
    const units = load<i32>(at, op.HEAD_UNITS);
    const grain = load<i32>(at, op.HEAD_GRAIN);
    if (isShared && units > grain) {
      const chunks = publish(at, units, grain, threads);
      if ((flags & op.FLAG_WAKE) != 0) wake(threads);
      for (let chunk = take(true); chunk >= 0; chunk = take(true)) performChunk(chunk, scratch);
      if (!join(chunks)) return -1;
    } else if (units > 0) {
      perform(at, 0, units, scratch);
    }
    at += <usize>load<i32>(at, op.HEAD_BYTES);
  }
}

/** Performs one instruction on this thread alone and returns the address of the next, 0 after the last: for profiles. */
export function step(at: usize): usize {
  const code = load<i32>(at);
  if (code == op.END) return 0;
  if (code == op.LOOP) return enter(at);
  if (code == op.REPEAT) return repeat(at);
  const units = load<i32>(at, op.HEAD_UNITS);
  if (units > 0) perform(at, 0, units, scratchOf(0));
  return at + <usize>load<i32>(at, op.HEAD_BYTES);
}

/** A helper thread's life. */
export function serve(): void {
  const thread = atomic.add<i32>(op.CONTROL_READY, 1) + 1;
  const scratch = scratchOf(thread);
  for (let chunk = nextChunk(thread); chunk >= 0; chunk = nextChunk(thread)) performChunk(chunk, scratch);
}

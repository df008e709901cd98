/**
 * @file Helper threads: each runs the module's `serve` on the executor's memory, asleep between runs. They are started by a
 * few lines of source, so that they need no file of their own beside a bundle.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import {
  CONTROL_CORES,
  CONTROL_CRASHED,
  CONTROL_DONE,
  CONTROL_PATIENCE,
  CONTROL_QUIT,
  CONTROL_WAKE,
  MOST_THREADS,
} from "./kernels/layout.ts";
import type { Memory } from "./memory.ts";

/** A helper that a kernel's trap ends says so, since a run may wait for the chunk that it held. */
const SOURCE = `
const { module, memory, crashed, done } = require("node:worker_threads").workerData;
try {
  new WebAssembly.Instance(module, { env: { memory, interrupted: () => 0 } }).exports.serve();
} catch (error) {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, crashed / 4, 1);
  Atomics.notify(words, done / 4);
}
`;

/** Seconds without a finished chunk after which a helper counts as dead. No chunk takes nearly as long. */
const PATIENCE = 60;

/** Starts `count` helpers. They join runs as soon as they are up, and keep neither the process alive nor a core busy. */
export function startHelpers(module: WebAssembly.Module, memory: Memory, count: number): void {
  memory.integers(CONTROL_PATIENCE, 1)[0] = PATIENCE;
  memory.integers(CONTROL_CORES, 1)[0] = availableParallelism();
  for (let helper = 0; helper < count; helper++) {
    new Worker(SOURCE, {
      eval: true,
      workerData: { module, memory: memory.shared, crashed: CONTROL_CRASHED, done: CONTROL_DONE },
      execArgv: [],
      stdin: false,
    }).unref();
  }
}

/** Lets all helpers of this memory end. */
export function stopHelpers(memory: Memory): void {
  const quit = memory.integers(CONTROL_QUIT, 1);
  const wake = memory.integers(CONTROL_WAKE, MOST_THREADS);
  Atomics.store(quit, 0, 1);
  for (let thread = 0; thread < MOST_THREADS; thread++) {
    Atomics.add(wake, thread, 1);
    Atomics.notify(wake, thread);
  }
}

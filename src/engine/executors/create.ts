/** @file The executor for this machine: the fast one, or plain loops where there is no SIMD or none is wanted. */
import type { Executor } from "./executor.ts";
import { createMachine, type MachineOptions } from "./machine/index.ts";
import { simdAvailable } from "./machine/module.ts";
import { createReference } from "./reference/reference.ts";

export interface ExecutorOptions extends MachineOptions {
  /** false: without WebAssembly's vectors, hundreds of times slower, on one thread; true where absent. */
  readonly simd?: boolean;
}

export function createExecutor({ simd = true, ...options }: ExecutorOptions = {}): Executor {
  if (simd && simdAvailable()) return createMachine(options);
  return createReference({ views: "F32", ...(options.interrupt && { interrupt: options.interrupt }) });
}

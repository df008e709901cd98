/** @file How the engine computes, from what the command line says. */
import type { ExecutorOptions } from "../engine/index.ts";
import type { Settings } from "./commandline.ts";

type Computing = Pick<Settings, "simd" | "relaxedSimd" | "wideSimd" | "memoryLimitBytes">;

/** What was not switched off is left to the engine: it takes what there is. */
export function executorOptions({ simd, relaxedSimd, wideSimd, memoryLimitBytes }: Computing): ExecutorOptions {
  return {
    simd,
    relaxedSimd,
    ...(wideSimd ? {} : { wideSimd }),
    ...(memoryLimitBytes === null ? {} : { memoryLimitBytes }),
  };
}

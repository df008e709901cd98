/** @file A thread that loads one plugin and says how it went: whatever the plugin does to its thread, it does it here first. */
import { parentPort, workerData } from "node:worker_threads";
import { loadPlugin } from "../pipelines/index.ts";
import { toWireError, type WireError } from "../protocol/errors.ts";
import { guardStdout } from "./stdout.ts";

/** Null: it can be loaded. */
export type Verdict = WireError | null;

guardStdout();
const say = (verdict: Verdict): void => parentPort!.postMessage(verdict);
loadPlugin(workerData as string).then(
  () => say(null),
  (thrown: unknown) => say(toWireError(thrown)),
);

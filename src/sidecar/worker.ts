/** @file A compute worker's entry: takes one call at a time from the main thread, and answers it. */
import { parentPort, workerData } from "node:worker_threads";
import { createExecutor } from "../engine/index.ts";
import { CONTROL, type FromWorker, type Notice, type ToWorker, type WorkerSettings } from "./calls.ts";
import { COMPUTATIONS } from "./computations.ts";
import { executorOptions } from "./executorOptions.ts";
import { forget } from "./forget.ts";
import { rehearse } from "./rehearse.ts";
import { guardStdout } from "./stdout.ts";
import { loadRegistry, plainFault } from "./thread.ts";
import { machineOf, type Workshop } from "./workshop.ts";

guardStdout();
const port = parentPort!;
const settings = workerData as WorkerSettings;
const send = (message: FromWorker): void => port.postMessage(message);

const machineOptions = {
  ...executorOptions(settings),
  interrupt: settings.control.subarray(CONTROL.interrupt, CONTROL.interrupt + 1),
};

const workshop: Promise<Workshop> = loadRegistry(settings.plugins).then((registry) => ({
  registry,
  roots: settings.roots ?? undefined,
  control: settings.control,
  createMachine: (threads) => createExecutor({ ...machineOptions, ...(threads === null ? {} : { threads }) }),
  notify: (notice: Notice) => send({ notice }),
  models: new Map(),
}));

let isCalled = false;
port.on("message", async (message: ToWorker) => {
  if ("forget" in message) return forget(message.forget, await workshop);
  const { call, request } = message;
  isCalled = true;
  try {
    const compute = COMPUTATIONS[call] as (request: unknown, workshop: Workshop) => unknown;
    send({ reply: await compute(request, await workshop) });
  } catch (thrown) {
    send({ fault: plainFault(thrown), stack: (thrown as Error | undefined)?.stack });
  }
});

/** A call that is on its way comes first. */
const IDLE_MILLISECONDS = 50;
void workshop.then((made) => setTimeout(() => isCalled || rehearse(() => machineOf(made)), IDLE_MILLISECONDS));

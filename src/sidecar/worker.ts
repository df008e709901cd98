/** @file A compute worker's entry: takes one call at a time from the main thread, and answers it. */
import { parentPort, workerData } from "node:worker_threads";
import { createMachine } from "../engine/index.ts";
import { createRegistry, loadPlugin, type Plugin, type Registry } from "../pipelines/index.ts";
import { toWireError } from "../protocol/errors.ts";
import { CONTROL, type FromWorker, type Notice, type PlainFault, type ToWorker, type WorkerSettings } from "./calls.ts";
import { COMPUTATIONS } from "./computations.ts";
import { guardStdout } from "./stdout.ts";
import type { Workshop } from "./workshop.ts";

guardStdout();
const port = parentPort!;
const settings = workerData as WorkerSettings;
const send = (message: FromWorker): void => port.postMessage(message);

const machineOptions = {
  relaxedSimd: settings.relaxedSimd,
  ...(settings.memoryLimitBytes === null ? {} : { memoryLimitBytes: settings.memoryLimitBytes }),
  interrupt: settings.control.subarray(CONTROL.interrupt, CONTROL.interrupt + 1),
};

const workshop: Promise<Workshop> = loadRegistry(settings.plugins).then((registry) => ({
  registry,
  roots: settings.roots ?? undefined,
  control: settings.control,
  createMachine: (threads) => createMachine({ ...machineOptions, ...(threads === null ? {} : { threads }) }),
  notify: (notice: Notice) => send({ notice }),
  models: new Map(),
}));

port.on("message", async ({ call, request }: ToWorker) => {
  try {
    const compute = COMPUTATIONS[call] as (request: unknown, workshop: Workshop) => unknown;
    send({ reply: await compute(request, await workshop) });
  } catch (thrown) {
    send({ fault: plain(thrown), stack: (thrown as Error | undefined)?.stack });
  }
});

/** A plugin that does not load is left out here too; the main thread reports it. */
async function loadRegistry(paths: readonly string[]): Promise<Registry> {
  const plugins: Plugin[] = [];
  let registry = createRegistry();
  for (const path of paths) {
    try {
      const plugin = await loadPlugin(path);
      registry = createRegistry([...plugins, plugin]);
      plugins.push(plugin);
    } catch {
      // said once is enough
    }
  }
  return registry;
}

/** An error as a structured clone can carry it. */
function plain(thrown: unknown): PlainFault {
  const { message, data } = toWireError(thrown);
  return {
    reason: data.reason,
    message,
    violations: data.violations ?? [],
    hint: data.hint,
    retryable: data.retryable,
    context: data.context,
  };
}

/** @file A run's thread: takes one call after the other from the main thread, and answers it. */
import { parentPort, workerData } from "node:worker_threads";
import { createExecutor } from "../engine/index.ts";
import { executorOptions } from "./executorOptions.ts";
import { ANSWERED, type FromRun, type RunSettings, type ToRun } from "./runCalls.ts";
import { createRunDesk } from "./runDesk.ts";
import { answerDirectly } from "./shortcut.ts";
import { guardStdout } from "./stdout.ts";
import { loadRegistry, plainFault } from "./thread.ts";

guardStdout();
const port = parentPort!;
const settings = workerData as RunSettings;
const send = (message: FromRun): void => port.postMessage(message);

const desk = loadRegistry(settings.plugins).then((registry) =>
  createRunDesk({
    registry,
    roots: settings.roots ?? undefined,
    control: settings.control,
    // Programs of policies are small: a second thread would cost more than it gives.
    executor: createExecutor(executorOptions(settings)),
    notify: (notice) => send({ notice }),
  }),
);

/** The line that answers a call, or that it has been written. */
function answered(id: number, line: string): string | typeof ANSWERED {
  const { output, answers } = settings;
  return output !== null && answerDirectly(output, answers, id, line) ? ANSWERED : line;
}

function answer({ id, call, request }: ToRun, ready: Awaited<typeof desk>["calls"]): void {
  try {
    const reply = (ready[call] as (request: unknown) => unknown)(request);
    send({ id, reply: call === "line" && typeof reply === "string" ? answered(id, reply) : reply });
  } catch (thrown) {
    send({ id, fault: plainFault(thrown), stack: (thrown as Error | undefined)?.stack });
  }
}

void desk.then((ready) => {
  let isLearning = false;
  /** What single episodes gave to learn is learned between calls, a piece at a time, so that none waits for more than one. */
  const learn = (): void => {
    isLearning = ready.learn();
    if (isLearning) setImmediate(learn);
  };
  port.on("message", (message: ToRun) => {
    answer(message, ready.calls);
    if (!isLearning) learn();
  });
});

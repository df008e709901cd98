/** @file The sidecar at work: everything that lives as long as the process is made here, in the order in which it is needed, and ended here. */
import { parseMessage } from "../protocol/envelope.ts";
import { Refusal } from "../protocol/errors.ts";
import { createArrivals } from "./arrivals.ts";
import type { Settings } from "./commandline.ts";
import { openConnection } from "./connection.ts";
import { readData } from "./data.ts";
import { createDatasets } from "./datasets.ts";
import { createDispatch } from "./dispatch.ts";
import { createExpress } from "./express.ts";
import { createIdempotency, type Remembered } from "./idempotency.ts";
import { createJobs, isLastEvent } from "./jobs.ts";
import { appendRecord, readRecords } from "./journal.ts";
import { createLanes } from "./lanes.ts";
import type { Learning } from "./learning.ts";
import { type Ending, EXIT_CODES, watchLife } from "./life.ts";
import { createLog } from "./log.ts";
import { createModels } from "./models.ts";
import { createRequests } from "./requests.ts";
import { createRuns } from "./runs.ts";
import { createScratch } from "./scratch.ts";
import type { Session, ShutdownMode } from "./session.ts";
import { claimStdout } from "./stdout.ts";
import { openStore } from "./store.ts";
import { createWorkers } from "./workers.ts";

/** Everything must be over by then, whatever is still going on. */
const LAST_MOMENT_MILLISECONDS = 1350;
/** Work gets this long to end by itself; the rest is for the last writes. */
const GRACE_MILLISECONDS = 1000;
const PRELOAD_AFTER_MILLISECONDS = 150;

/** What becomes of the trainings. */
type Stop = "checkpointAndStop" | "cancel";

/**
 * Serves standard input until the host is done.
 * @param workerEntry the compute worker's file.
 * @throws Refusal `DATA_DIRECTORY_LOCKED`
 */
export function serve(settings: Settings, version: string, workerEntry: URL): void {
  const { log, flushed: logFlushed } = createLog(settings.logLevel);
  const store = settings.dataDirectory === null ? null : openStore(settings.dataDirectory);
  const scratch = createScratch();
  let ending: Ending | null = null;
  let learning: Learning | null = null;
  /** The host asked for everything to be finished first, and may have hung up since. */
  let draining = false;

  async function loadMethods() {
    const [methods, { loadLearning }, { restoreModels }] = await Promise.all([
      import("./methods/index.ts"),
      import("./learning.ts"),
      import("./keep.ts"),
    ]);
    learning = await loadLearning(settings.plugins, new URL("./trial.js", workerEntry), log);
    await restoreModels(session);
    if (store !== null) await (await import("./running.ts")).restoreRuns(session);
    return methods;
  }

  const sink = claimStdout();
  const connection = openConnection(process.stdin, sink, {
    maxInputLineBytes: settings.maxLineBytes,
    scratch,
    listener: {
      express: (text) => express(text),
      message: (message) => dispatch.take(message),
      ended() {
        const heardAt = performance.now();
        void dispatch.begun().then(() => {
          if (!draining) end("input ended", "checkpointAndStop", heardAt);
        });
      },
      broken(error) {
        log("error", "standard output takes no more: answers are lost", { error: error.message });
        // A host that hung up after its last question wants no answer; a full disk loses one that is wanted.
        const isLoss = (error as NodeJS.ErrnoException).code !== "EPIPE";
        if (isLoss && ending !== null) ending = "broken pipe";
        end("broken pipe");
      },
      drained: () => session.jobs.flushProgress(),
    },
  });

  const remembered = store === null ? [] : readRecords<Remembered>(store.answersPath);
  const session: Session = {
    settings,
    version,
    log,
    scratch,
    connection,
    store,
    life: watchLife((reason) => end(reason)),
    requests: createRequests(),
    lanes: createLanes(),
    arrivals: createArrivals(),
    idempotency: createIdempotency(remembered, (entry) => {
      if (store !== null) appendRecord(store.answersPath, entry);
    }),
    get learning() {
      if (learning === null) throw new Error("asked for what can be learned before it was loaded");
      return learning;
    },
    models: createModels(),
    datasets: createDatasets(store, async (reference) => (await readData(reference, session)).dataset),
    jobs: createJobs(
      store,
      (event) => {
        if (isLastEvent(event.type) || !session.optedOut.has(event.type)) connection.sendEvent(event);
      },
      connection.backlog,
      log,
    ),
    workers: createWorkers(workerEntry, () => ({ ...settings, plugins: usablePlugins(learning) }), log),
    runs: createRuns(
      new URL("./runner.js", workerEntry),
      () => ({ ...settings, plugins: usablePlugins(learning), output: sink.shared }),
      log,
    ),
    optedOut: new Set(),
    state: "ready",
    shutdown,
  };
  const dispatch = createDispatch(session, loadMethods);
  const express = createExpress(session, (text) => dispatch.take(parseMessage(text)));
  setTimeout(() => dispatch.load().catch(() => {}), PRELOAD_AFTER_MILLISECONDS).unref(); // who needs it will hear

  process.on("uncaughtException", (error) => {
    log("fatal", error.message, { stack: error.stack });
    end("internal");
  });
  process.on("unhandledRejection", (reason) => log("error", "unhandled rejection", { reason: String(reason) }));

  async function shutdown(mode: ShutdownMode): Promise<void> {
    if (mode === "drain") {
      draining = true;
      await session.arrivals.none();
      await Promise.all(
        session.jobs.list().map((job) => new Promise<void>((done) => session.jobs.whenEnded(job, done))),
      );
      await session.requests.whenNone();
    }
    end("shutdown", mode === "now" ? "cancel" : "checkpointAndStop");
  }

  /** Ends the process, once, whatever the first reason was. @param heardAt when it was heard, from which the time counts. */
  function end(reason: Ending, command: Stop = "checkpointAndStop", heardAt = performance.now()): void {
    if (ending !== null) return;
    ending = reason;
    session.state = "draining";
    session.life.stop();
    setTimeout(exit, heardAt + LAST_MOMENT_MILLISECONDS - performance.now());
    void finish(command, heardAt + GRACE_MILLISECONDS - performance.now()).finally(exit);
  }

  async function finish(command: Stop, graceMilliseconds: number): Promise<void> {
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMilliseconds));
    await Promise.race([grace, stopWork(command)]);
    session.runs.close();
    session.workers.close(); // a thread in the middle of something large takes a while to end
    session.requests.abandonAll(shutDown());
    await connection.flushed();
    await logFlushed();
  }

  /** Stops the trainings that are there, and those that were asked for before the end and begin only now. */
  async function stopWork(command: Stop): Promise<void> {
    await Promise.all([stopTrainings(command), session.arrivals.none().then(() => stopTrainings(command))]);
    if (command === "checkpointAndStop" && session.store !== null && session.runs.list().length > 0) {
      await (await import("./running.ts")).settleRuns(session);
    }
    await session.requests.whenNone();
  }

  async function stopTrainings(command: Stop): Promise<void> {
    if (session.jobs.list().length === 0) return;
    const training = await import("./training.ts");
    await training.stopTrainings(session, command);
  }

  function exit(): never {
    scratch.remove();
    store?.release();
    process.exit(EXIT_CODES[ending!]);
  }
}

function shutDown(): Refusal {
  return new Refusal("CANCELLED", "the sidecar shut down before the answer was ready", { hint: "ask a new one" });
}

const usablePlugins = (learning: Learning | null): string[] =>
  (learning?.plugins ?? []).filter(({ error }) => error === null).map(({ plugin }) => plugin);

/** @file The runs of this session: each learns one policy in a thread of its own, which is started when it is first needed. */
import { Worker } from "node:worker_threads";
import { Refusal } from "../protocol/errors.ts";
import { nearest } from "../protocol/suggest.ts";
import { COMMAND, CONTROL, type PlainFault } from "./calls.ts";
import type { Log } from "./log.ts";
import type { Model } from "./models.ts";
import type { FromRun, RunCallName, RunCalls, RunNotice, RunSettings, ToRun } from "./runCalls.ts";
import { isAnswered, newCallWords, newWords, openCall, takeCall } from "./shortcut.ts";
import { numberOf } from "./store.ts";

export interface Run {
  readonly id: string;
  /** What it learns. */
  readonly model: string;
  /** As the host wrote it. */
  readonly raw: unknown;
  readonly createdAt: string;
  /** Hears what the run says unasked. */
  listener: ((notice: RunNotice) => void) | null;
  /** A step as the host wrote it. */
  askLine(request: RunCalls["line"]["request"]): AskedLine;
  /** The answer to a call; calls are answered in order. */
  ask<Name extends RunCallName>(name: Name, request: RunCalls[Name]["request"]): Promise<RunCalls[Name]["reply"]>;
  command(command: keyof typeof COMMAND): void;
  /** Starts its thread ahead of the first call. @returns when it has read what it goes on from; fails where it cannot */
  warm(): Promise<unknown>;
  /** Ends its thread in the middle of whatever it does; the next call starts another. */
  stop(refusal: Refusal): void;
  /** Whether its thread has been started. */
  readonly isOpen: boolean;
  /** Ends the thread; what it had learned and not published is lost. */
  close(): void;
}

export interface Runs {
  nextId(): string;
  add(run: Pick<Run, "id" | "raw" | "createdAt">, model: Model, checkpointPath: string | null): Run;
  find(id: string): Run | null;
  /** The one that learns a model. */
  learning(model: string): Run | null;
  /** @throws Refusal `NOT_FOUND` */
  get(id: string): Run;
  /** It is found no more, though its thread goes on until it is closed. @returns what puts it back */
  withdraw(run: Run): () => void;
  /** Nothing new gets an id that was given out in an earlier session, whatever became of it. */
  reserve(id: string): void;
  list(): readonly Run[];
  close(): void;
}

/** A step that a run's thread may answer by itself. */
export interface AskedLine {
  readonly reply: Promise<RunCalls["line"]["reply"]>;
  /** Whether the thread has answered it. */
  isAnswered(): boolean;
  /** From here on the listening thread answers. @returns false where the thread has already */
  take(): boolean;
}

type Settings = Omit<RunSettings, "control" | "answers">;

/** Threads are not free: more runs than this are refused. */
const MOST_RUNS = 64;

export function createRuns(entry: URL, settings: () => Settings, log: Log): Runs {
  const runs = new Map<string, Run>();
  let newest = 0;
  const gone = new Set<string>();

  return {
    nextId: () => `r_${++newest}`,
    add({ id, raw, createdAt }, model, checkpointPath) {
      this.reserve(id);
      if (runs.size >= MOST_RUNS) {
        throw new Refusal("LIMIT_EXCEEDED", `there are ${MOST_RUNS} runs already`, {
          hint: "close those that are done with `rl.close`",
        });
      }
      const run = openRun({ id, raw, createdAt, model, checkpointPath }, entry, settings, log);
      runs.set(id, run);
      return run;
    },
    find: (id) => runs.get(id) ?? null,
    learning: (model) => [...runs.values()].find((run) => run.model === model) ?? null,
    get(id) {
      const run = runs.get(id);
      if (run !== undefined) return run;
      const near = nearest(id, [...runs.keys()]);
      throw new Refusal("NOT_FOUND", `there is no run ${JSON.stringify(id.slice(0, 100))}`, {
        violations: [
          {
            path: "run",
            message: gone.has(id) ? "closed" : "unknown",
            expected: "a run's id",
            got: id.slice(0, 100),
          },
        ],
        hint: gone.has(id)
          ? "it was closed; its model is still there"
          : near === undefined
            ? "make one with `rl.create`"
            : `did you mean \`${near}\`?`,
      });
    },
    withdraw(run) {
      runs.delete(run.id);
      gone.add(run.id);
      return () => {
        runs.set(run.id, run);
        gone.delete(run.id);
      };
    },
    reserve(id) {
      newest = Math.max(newest, numberOf(id));
    },
    list: () => [...runs.values()],
    close() {
      for (const run of runs.values()) run.close();
    },
  };
}

interface Waiter {
  resolve(reply: never): void;
  reject(reason: unknown): void;
}

type Given = Pick<Run, "id" | "raw" | "createdAt"> & { readonly model: Model; readonly checkpointPath: string | null };

function openRun(
  { id, raw, createdAt, model, checkpointPath }: Given,
  entry: URL,
  settings: () => Settings,
  log: Log,
): Run {
  const control = newWords(2);
  const answers = newCallWords();
  const waiters = new Map<number, Waiter>();
  let thread: Worker | null = null;
  let opening: Promise<unknown> = Promise.resolve();
  let calls = 0;
  let closed = false;

  function receive(message: FromRun): void {
    if ("notice" in message) {
      const { notice } = message;
      if (notice.kind === "published") model.record = notice.record;
      run.listener?.(notice);
      return;
    }
    const waiter = waiters.get(message.id);
    waiters.delete(message.id);
    if ("reply" in message) waiter?.resolve(message.reply as never);
    else {
      if (message.fault.reason === "INTERNAL") log("error", message.fault.message, { run: id, stack: message.stack });
      waiter?.reject(revive(message.fault));
    }
  }

  /** The next call starts a fresh thread, which goes on from the last checkpoint, or from the weights published last. */
  function bury(cause: string): void {
    if (thread === null) return;
    thread = null;
    if (!closed) log("error", "a run's thread died", { run: id, cause });
    const refusal = closed
      ? new Refusal("CANCELLED", "the run was closed")
      : new Refusal("ENGINE_CRASHED", `the run's thread died: ${cause}`, {
          hint: "the next call goes on from the last checkpoint, or from the weights published last",
        });
    for (const { reject } of waiters.values()) reject(refusal);
    waiters.clear();
  }

  function post<Name extends RunCallName>(call: Name, request: unknown): Promise<RunCalls[Name]["reply"]> {
    return new Promise((resolve, reject) => {
      const message: ToRun = { id: ++calls, call, request };
      openCall(answers, message.id);
      waiters.set(message.id, { resolve: resolve as Waiter["resolve"], reject });
      thread!.postMessage(message);
    });
  }

  function start(): void {
    const workerData: RunSettings = { ...settings(), control, answers };
    const started = new Worker(entry, { workerData, stdout: true, stderr: true });
    thread = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (text: Buffer) => process.stderr.write(text));
    }
    started.on("message", receive);
    started.on("error", (error) => thread === started && bury(error.message));
    started.on("exit", (code) => thread === started && bury(`it ended with code ${code}`));
    opening = post("open", { id, raw, record: model.record, checkpointPath });
    opening.catch((thrown: unknown) => {
      if (closed || thread !== started) return;
      // What could not be opened says why to all who asked meanwhile.
      for (const { reject } of waiters.values()) reject(thrown);
      waiters.clear();
      thread = null;
      void started.terminate();
    });
  }

  const run: Run = {
    id,
    model: model.id,
    raw,
    createdAt,
    listener: null,
    askLine(request) {
      const reply = run.ask("line", request);
      if (closed) return { reply, take: () => true, isAnswered: () => false }; // no thread ever had it
      const id = calls;
      return { reply, take: () => takeCall(answers, id), isAnswered: () => isAnswered(answers, id) };
    },
    ask(name, request) {
      if (closed) return Promise.reject(new Refusal("NOT_FOUND", `run ${id} was closed`));
      if (thread === null) start();
      return post(name, request);
    },
    command(command) {
      Atomics.store(control, CONTROL.command, COMMAND[command]);
      Atomics.notify(control, CONTROL.command);
    },
    warm() {
      if (thread === null && !closed) start();
      return opening;
    },
    stop(refusal) {
      const ending = thread;
      thread = null;
      for (const { reject } of waiters.values()) reject(refusal);
      waiters.clear();
      void ending?.terminate();
    },
    get isOpen() {
      return thread !== null;
    },
    close() {
      closed = true;
      const ending = thread;
      bury("closed");
      void ending?.terminate();
    },
  };
  return run;
}

function revive({ reason, message, ...details }: PlainFault): Refusal {
  return new Refusal(reason, message, details as never);
}

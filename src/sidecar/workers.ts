/**
 * @file The compute workers: threads that are started when first needed and replaced when they die. Each does one call at a time. A training
 * keeps its worker until it ends; everything else shares the others, so that it never waits behind a training.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Refusal } from "../protocol/errors.ts";
import type { CallName, Calls, FromWorker, Notice, PlainFault, Resident, ToWorker, WorkerSettings } from "./calls.ts";
import { COMMAND, CONTROL } from "./calls.ts";
import type { Log } from "./log.ts";

export interface Task<Reply> {
  /** Whether it still waits for a worker. */
  readonly waiting: boolean;
  readonly reply: Promise<Reply>;
  /**
   * Pause, go on, cancel, or checkpoint and stop. Kept for when the call starts, if it still waits. A worker that does not
   * hear a cancel is ended, and the reply is `CANCELLED`.
   */
  command(command: keyof typeof COMMAND): void;
  /** Gives the call up: takes it out of the queue, or interrupts it at its next instruction. Its reply is `CANCELLED` at once. */
  abandon(): void;
}

export interface Workers {
  call<Name extends CallName>(
    name: Name,
    request: Calls[Name]["request"],
    onNotice?: (notice: Notice) => void,
  ): Task<Calls[Name]["reply"]>;
  /** Lets go of a model that was deleted, wherever it is held. */
  forget(model: { readonly id: string; readonly bytes: number }): void;
  /** Starts a worker ahead of its first call, if there is none. */
  warm(): void;
  /** Trainings that have a worker now. */
  readonly trainings: number;
  close(): void;
}

interface Waiting {
  readonly call: CallName;
  readonly request: { readonly model?: Resident };
  readonly onNotice: (notice: Notice) => void;
  readonly resolve: (reply: never) => void;
  readonly reject: (reason: unknown) => void;
  command: keyof typeof COMMAND;
  worker: ComputeWorker | null;
  abandoned: boolean;
}

interface ComputeWorker {
  readonly thread: Worker;
  readonly control: Int32Array;
  /** The record that it holds of each model. */
  readonly resident: Map<string, unknown>;
  task: Waiting | null;
}

const MOST_RESIDENT = 64;

/** What a cancelled call gets to end by itself, with its last weights. */
const HEARING_MILLISECONDS = 2000;

/** Calls of a class never use more workers than this at once, so that the two classes cannot starve each other. */
const CLASSES = { training: Math.max(2, availableParallelism()), service: 2 } as const;
type Class = keyof typeof CLASSES;
const LONG: ReadonlySet<CallName> = new Set(["train", "write"]);
const classOf = (call: CallName): Class => (LONG.has(call) ? "training" : "service");

/** @param settings asked for each worker when it starts. */
export function createWorkers(entry: URL, settings: () => Omit<WorkerSettings, "control">, log: Log): Workers {
  const workers = new Set<ComputeWorker>();
  const queues: Record<Class, Waiting[]> = { training: [], service: [] };
  let closed = false;

  function start(): ComputeWorker {
    const control = new Int32Array(new SharedArrayBuffer(8));
    const workerData: WorkerSettings = { ...settings(), control };
    const thread = new Worker(entry, { workerData, stdout: true, stderr: true });
    const worker: ComputeWorker = { thread, control, resident: new Map(), task: null };
    workers.add(worker);
    thread.stdout.on("data", (text: Buffer) => process.stderr.write(text));
    thread.stderr.on("data", (text: Buffer) => process.stderr.write(text));
    thread.on("message", (message: FromWorker) => receive(worker, message));
    thread.on("error", (error) => bury(worker, error.message));
    thread.on("exit", (code) => bury(worker, `it ended with code ${code}`));
    return worker;
  }

  function receive(worker: ComputeWorker, message: FromWorker): void {
    const { task } = worker;
    if (task === null || "ready" in message) return;
    if ("notice" in message) {
      if (!task.abandoned) task.onNotice(message.notice);
      return;
    }
    worker.task = null;
    if ("reply" in message) task.resolve(message.reply as never);
    else {
      if (message.fault.reason === "INTERNAL")
        log("error", message.fault.message, { call: task.call, stack: message.stack });
      task.reject(revive(message.fault));
      if (message.fault.reason === "ENGINE_CRASHED") retire(worker);
    }
    assign(classOf(task.call));
  }

  /** Its engine is of no more use, though the thread lives. */
  function retire(worker: ComputeWorker): void {
    workers.delete(worker);
    void worker.thread.terminate();
  }

  /** The next call starts a fresh worker. */
  function bury(worker: ComputeWorker, cause: string): void {
    if (!workers.has(worker) || closed) return;
    log("error", "a compute worker died", { cause, call: worker.task?.call });
    replace(
      worker,
      new Refusal("ENGINE_CRASHED", `the compute worker died: ${cause}`, {
        hint: "it was replaced; if this happens again with the same call, a smaller batch or model may help",
      }),
    );
  }

  function replace(worker: ComputeWorker, refusal: Refusal): void {
    workers.delete(worker);
    worker.task?.reject(refusal);
    for (const name of Object.keys(CLASSES) as Class[]) assign(name);
  }

  function cancel(worker: ComputeWorker, task: Waiting): void {
    direct(worker, "cancel");
    const end = () => {
      if (worker.task !== task || closed) return;
      log("warn", "a compute worker did not hear that its call was cancelled", { call: task.call });
      replace(worker, cancelled());
      void worker.thread.terminate();
    };
    setTimeout(end, HEARING_MILLISECONDS).unref();
  }

  /** Gives waiting calls of a class to workers, preferring one that already holds the model. */
  function assign(name: Class): void {
    const queue = queues[name];
    while (queue.length > 0) {
      const busy = [...workers].filter(({ task }) => task !== null && classOf(task.call) === name).length;
      if (busy >= CLASSES[name] || closed) return;
      const waiting = queue.shift()!;
      const idle = [...workers].filter(({ task }) => task === null);
      const model = waiting.request.model?.id;
      const worker = idle.find(({ resident }) => model !== undefined && resident.has(model)) ?? idle[0] ?? start();
      run(worker, waiting);
    }
  }

  function run(worker: ComputeWorker, waiting: Waiting): void {
    worker.task = waiting;
    waiting.worker = worker;
    Atomics.store(worker.control, CONTROL.interrupt, 0);
    direct(worker, waiting.command);
    const message: ToWorker = { call: waiting.call, request: withoutResident(worker, waiting.request) };
    worker.thread.postMessage(message);
  }

  return {
    call(name, request, onNotice = () => {}) {
      let waiting!: Waiting;
      const reply = new Promise<never>((resolve, reject) => {
        waiting = {
          call: name,
          request: request as Waiting["request"],
          onNotice,
          resolve,
          reject,
          command: "run",
          worker: null,
          abandoned: false,
        };
      });
      queues[classOf(name)].push(waiting);
      assign(classOf(name));
      return {
        reply,
        get waiting() {
          return waiting.worker === null;
        },
        command(command) {
          waiting.command = command;
          if (waiting.worker?.task !== waiting) return;
          if (command === "cancel") cancel(waiting.worker, waiting);
          else direct(waiting.worker, command);
        },
        abandon() {
          if (waiting.abandoned) return;
          waiting.abandoned = true;
          const queue = queues[classOf(name)];
          if (queue.includes(waiting)) queue.splice(queue.indexOf(waiting), 1);
          else if (waiting.worker?.task === waiting) cancel(waiting.worker, waiting);
          waiting.reject(cancelled());
        },
      };
    },
    forget(model) {
      for (const { resident, thread } of workers) {
        resident.delete(model.id);
        thread.postMessage({ forget: model } satisfies ToWorker);
      }
    },
    warm() {
      if (workers.size === 0 && !closed) start();
    },
    get trainings() {
      return [...workers].filter(({ task }) => task?.call === "train").length;
    },
    close() {
      closed = true;
      for (const { thread } of workers) void thread.terminate();
    },
  };
}

const cancelled = (): Refusal => new Refusal("CANCELLED", "cancelled");

function direct(worker: ComputeWorker, command: keyof typeof COMMAND): void {
  Atomics.store(worker.control, CONTROL.interrupt, command === "cancel" ? 1 : 0);
  Atomics.store(worker.control, CONTROL.command, COMMAND[command]);
  Atomics.notify(worker.control, CONTROL.command);
}

/** The request as this worker needs it: without a record that it has. */
function withoutResident(worker: ComputeWorker, request: Waiting["request"]): unknown {
  const { model } = request;
  if (model === undefined) return request;
  const { id, record } = model;
  if (worker.resident.get(id) === record) return { ...request, model: { id, record: null } };
  worker.resident.delete(id);
  worker.resident.set(id, record);
  if (worker.resident.size > MOST_RESIDENT) worker.resident.delete(worker.resident.keys().next().value!);
  return request;
}

function revive({ reason, message, ...details }: PlainFault): Refusal {
  return new Refusal(reason, message, details as never);
}

/** @file A sidecar for tests: the built program as a child process, spoken to in raw lines. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { isGone } from "../../src/sidecar/life.ts";

export const PROGRAM = resolve(import.meta.dirname, "../../dist/main.js");

/** A line from the sidecar, loosely typed: tests look at what they expect. */
// biome-ignore lint/suspicious/noExplicitAny: a test that is wrong about a shape fails
export type Json = any;

export interface Sidecar {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything received so far, parsed, in order. */
  readonly messages: readonly Json[];
  /** Everything received so far, as bytes. */
  output(): Buffer;
  errors(): string;
  write(text: string | Uint8Array): void;
  /** Writes each message as a line. */
  send(...messages: unknown[]): void;
  /** Asks, and waits for the response with that id. */
  ask(method: string, params?: object, id?: string | number): Promise<Json>;
  /** Asks, and takes the result; an error fails the test. */
  call(method: string, params?: object): Promise<Json>;
  /** The first message, past or to come, that fits. */
  next(fits: (message: Json) => boolean): Promise<Json>;
  /** The first event of a type, past or to come. */
  event(type: string, jobId?: string): Promise<Json>;
  endInput(): void;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
}

export interface Options {
  readonly parameters?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Another way to start it; `parameters` are then left out. */
  readonly command?: readonly [string, ...string[]];
  /** Read nothing from it. */
  readonly deaf?: boolean;
  /** For `beforeAll`: the caller stops it. */
  readonly shared?: boolean;
}

/** Starts a sidecar that is killed when the test has finished. */
export function startSidecar(options: Options = {}): Sidecar {
  const { parameters = [], cwd, env, deaf = false, shared = false } = options;
  const [program, ...rest] = options.command ?? [process.execPath, PROGRAM, ...parameters];
  const child = spawn(program, rest, { cwd, env: env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
  if (!shared) onTestFinished(() => void child.kill("SIGKILL"));

  const messages: Json[] = [];
  const waiting = new Set<{
    fits: (message: Json) => boolean;
    resolve: (message: Json) => void;
    reject: (e: Error) => void;
  }>();
  const chunks: Buffer[] = [];
  let unfinished = "";
  let errors = "";
  let nextId = 1000;

  function take(line: string): void {
    const message: Json = JSON.parse(line);
    messages.push(message);
    for (const waiter of [...waiting]) {
      if (!waiter.fits(message)) continue;
      waiting.delete(waiter);
      waiter.resolve(message);
    }
  }

  child.stdin!.on("error", () => {});
  if (!deaf) {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      chunks.push(Buffer.from(text));
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop()!;
      for (const line of lines) take(line);
    });
  }
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on("close", (code, signal) => {
      for (const { reject } of waiting)
        reject(new Error(`the sidecar ended with ${code ?? signal}: ${errors.slice(-2000)}`));
      resolve({ code, signal });
    });
  });

  const sidecar: Sidecar = {
    child,
    pid: child.pid!,
    messages,
    output: () => Buffer.concat(chunks),
    errors: () => errors,
    write: (text) => void child.stdin!.write(text),
    send: (...all) => void child.stdin!.write(all.map((message) => `${JSON.stringify(message)}\n`).join("")),
    ask(method, params = {}, id = nextId++) {
      sidecar.send({ jsonrpc: "2.0", id, method, params });
      return sidecar.next((message) => message.id === id);
    },
    async call(method, params) {
      const { result, error } = await sidecar.ask(method, params);
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result;
    },
    next(fits) {
      const past = messages.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve, reject) => waiting.add({ fits, resolve, reject }));
    },
    event: (type, jobId) =>
      sidecar.next(
        ({ method, params }) =>
          method === "event" && params.type === type && (jobId === undefined || params.jobId === jobId),
      ),
    endInput: () => void child.stdin!.end(),
    exit,
  };
  return sidecar;
}

/** A directory that is gone when the test has finished. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sidecar-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until it is so; the test's own time limit ends the waiting. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

/** Whether a process is there, and more than a zombie. */
export const isAlive = (pid: number): boolean => !isGone({ pid, started: null });

/** Rows of two blobs that a small network separates easily. */
export function blobs(count: number): { a: number; b: number; kind: string }[] {
  return Array.from({ length: count }, (_, index) => {
    const side = index % 2;
    return { a: side * 4 + Math.sin(index), b: side * -3 + Math.cos(index * 7), kind: side === 0 ? "left" : "right" };
  });
}

export const SMALL_CLASSIFIER = { pipeline: "classification", backbone: { type: "mlp", hidden: [8] }, seed: 1 };

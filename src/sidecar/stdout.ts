/**
 * @file Keeps standard output for the protocol alone.
 *
 * Where the system lets us (pipes and terminals on Linux; sockets too on macOS) the real output is reopened under another
 * descriptor and descriptor 1 becomes a second name of standard error, so that `console.log`, a raw write, a child with
 * inherited output and a native library's `printf` all end up in the log. Linux refuses to reopen a socket, and
 * sockets are what Node gives the children it spawns; a file reopened would have a position of its own, and another
 * process that shares ours would overwrite our lines. There the protocol stays on descriptor 1, and everything in
 * JavaScript that can reach it is sent to standard error instead. Only a native library's own print escapes that second
 * net. Starting ourselves once more with the socket under another descriptor would catch it too, but would double the time to the
 * first answer and leave a second process to keep alive and to end; the one native library that may be loaded,
 * onnxruntime, logs to standard error.
 */
import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { enterGate, leaveGate, newWords, type SharedOutput } from "./shortcut.ts";

const OUTPUT = 1;
const ERROR = 2;
/** Kept from before the guard, for the one writer that may use descriptor 1. */
const writeFile = fs.write;
const writeNow = fs.writeSync;
/** Lines of up to so many bytes leave without a way through the event loop. */
const AT_ONCE = 4096;

/** Where bytes for the host go. `done` is called once they have left the process, or could not. */
export interface Sink {
  write(text: string | Uint8Array, done: (error?: Error | null) => void): void;
}

export interface Output extends Sink {
  /** For other threads that write whole lines; null where they must not. */
  readonly shared: SharedOutput | null;
}

/** Takes standard output away from everyone else and returns the only way left to write to it. */
export function claimStdout(): Output {
  const kind = fs.fstatSync(OUTPUT);
  const descriptor = kind.isFile() ? OUTPUT : moveOutput();
  if (descriptor === OUTPUT) guardStdout();
  else Object.defineProperty(process, "stdout", { configurable: true, get: () => process.stderr });
  if (!kind.isFIFO() && !kind.isSocket()) return { ...fileSink(descriptor), shared: null };
  // Only a pipe takes a line whole or not at all, and only apart from descriptor 1 is it the protocol's alone.
  const isShared = kind.isFIFO() && descriptor !== OUTPUT && process.platform !== "win32";
  const shared = isShared ? { descriptor, gate: newWords(1) } : null;
  return { ...streamSink(descriptor, shared), shared };
}

/** Sends everything in this thread's JavaScript that would write to descriptor 1 to standard error. */
export function guardStdout(): void {
  Object.defineProperty(process, "stdout", { configurable: true, get: () => process.stderr });
  for (const name of ["write", "writeSync", "writev", "writevSync", "writeFile", "writeFileSync", "appendFileSync"]) {
    redirectFirst(fs as never, name);
  }
  redirectFirst(fs.promises as never, "writeFile");
  redirectStreams();
  redirectChildren();
  syncBuiltinESMExports();
}

/** Reopens the real output elsewhere; returns its descriptor, or 1 where that is impossible. */
function moveOutput(): number {
  const directory = process.platform === "linux" ? "/proc/self/fd" : "/dev/fd";
  let moved: number;
  try {
    moved = fs.openSync(`${directory}/${OUTPUT}`, fs.constants.O_WRONLY | fs.constants.O_APPEND);
  } catch {
    return OUTPUT;
  }
  // The lowest free number is given to the next file opened: close 1, open the log, and the log is 1.
  const log = canReopen(`${directory}/${ERROR}`) ? `${directory}/${ERROR}` : "/dev/null";
  fs.closeSync(OUTPUT);
  fs.openSync(log, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK | fs.constants.O_APPEND);
  return moved;
}

function canReopen(path: string): boolean {
  try {
    fs.closeSync(fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK | fs.constants.O_APPEND));
    return true;
  } catch {
    return false;
  }
}

function streamSink(fd: number, shared: SharedOutput | null): Sink {
  const socket = new net.Socket({ fd, readable: false, writable: true }); // makes writes to the descriptor return at once
  socket.on("error", () => {}); // each write's callback reports it
  return {
    write(text, done) {
      const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
      const leave = (error?: Error | null): void => {
        if (shared !== null) leaveGate(shared);
        done(error);
      };
      if (shared !== null) enterGate(shared);
      const written = bytes.byteLength <= AT_ONCE ? writtenNow(fd, bytes) : 0;
      if (written === bytes.byteLength) leave();
      else socket.write(written === 0 ? bytes : bytes.subarray(written), leave);
    },
  };
}

/** How much of it the host's end takes at once. Whatever is wrong with that end is left to the socket to report. */
function writtenNow(fd: number, bytes: Uint8Array): number {
  if (process.platform === "win32") return 0;
  try {
    return writeNow(fd, bytes);
  } catch {
    return 0;
  }
}

function fileSink(fd: number): Sink {
  return {
    write(text, done) {
      const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
      const step = (offset: number): void => {
        writeFile(fd, bytes, offset, bytes.byteLength - offset, null, (error, written) => {
          if (error?.code === "EAGAIN") setTimeout(step, 5, offset);
          else if (error || offset + written >= bytes.byteLength) done(error);
          else step(offset + written);
        });
      };
      step(0);
    },
  };
}

type Functions = Record<string, (...parameters: unknown[]) => unknown>;

function redirectFirst(target: Functions, name: string): void {
  const original = target[name]!;
  target[name] = function (this: unknown, first: unknown, ...rest: unknown[]) {
    const toOutput = first === OUTPUT || first === "/dev/stdout" || first === "/dev/fd/1";
    return original.call(this, toOutput ? ERROR : first, ...rest);
  };
}

function redirectStreams(): void {
  const original = fs.createWriteStream;
  fs.createWriteStream = ((path: fs.PathLike, options?: { fd?: unknown }) =>
    options?.fd === OUTPUT
      ? original(path, { ...options, fd: ERROR } as never)
      : original(path, options as never)) as never;
}

function redirectChildren(): void {
  const prototype = childProcess.ChildProcess.prototype as never as Functions;
  const spawn = prototype.spawn!;
  prototype.spawn = function (this: unknown, options: unknown) {
    return spawn.call(this, withoutOutput(options));
  };
  const table = childProcess as never as Functions;
  for (const name of ["spawnSync", "execFileSync", "execSync"]) {
    const original = table[name]!;
    table[name] = (...parameters) => original(...parameters.map(withoutOutput));
  }
}

/** The same spawn options, with an inherited output replaced by our standard error. */
function withoutOutput(options: unknown): unknown {
  if (typeof options !== "object" || options === null || !("stdio" in options)) return options;
  const { stdio } = options;
  const list = stdio === "inherit" ? ["inherit", "inherit", "inherit"] : Array.isArray(stdio) ? stdio : null;
  if (list === null) return options;
  const inherits = (entry: unknown, index: number) => entry === OUTPUT || (entry === "inherit" && index === OUTPUT);
  return { ...options, stdio: list.map((entry, index) => (inherits(entry, index) ? ERROR : entry)) };
}

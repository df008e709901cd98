/** @file The child process: lines in, lines out, standard error drained, and never a reason for the host to stay alive by itself. */
import type { Socket } from "node:net";
import { execa, type Options } from "execa";
import { createLineReader } from "../../src/protocol/index.ts";
import { SidecarGoneError } from "./errors.ts";
import type { Command } from "./find.ts";

export interface ChildOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Each chunk of its log, JSON lines; without it only the last few KiB are kept, for errors. */
  readonly onLog?: ((text: string) => void) | undefined;
}

export interface ChildHandlers {
  readonly onLine: (text: string) => void;
  /** Once, when the process has ended or could not be started, after its last line. */
  readonly onGone: (gone: SidecarGoneError) => void;
}

export interface Child {
  readonly pid: number | undefined;
  /** One line, newline included. */
  send(line: string): void;
  /** The host waits for something: keep it alive. Calls are counted. */
  hold(): void;
  release(): void;
  /** No more messages will be sent; the sidecar then ends by itself. */
  end(): void;
  kill(): void;
  /** Kills it, and says why to those who wait. */
  fail(reason: string): void;
  /** Resolves when it has ended, however. */
  readonly gone: Promise<SidecarGoneError>;
}

const LOG_TAIL = 8 * 1024;
const LONGEST_LINE = 1024 * 1024 * 1024;

/** Starts the process. It ends with the host: its standard input closes then. */
export function startChild(
  [program, ...rest]: Command,
  options: ChildOptions,
  { onLine, onGone }: ChildHandlers,
): Child {
  const settings = {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cleanup: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  } as const satisfies Options;
  const running = execa(program, rest, settings);
  const reader = createLineReader({ maxLineBytes: LONGEST_LINE });
  const take = (lines: ReturnType<typeof reader.read>) => {
    for (const line of lines) if ("text" in line) onLine(line.text);
  };
  let stderr = "";
  let failure: string | undefined;
  running.stdout.on("data", (chunk: Buffer) => take(reader.read(chunk)));
  running.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-LOG_TAIL);
    options.onLog?.(text);
  });
  // A write to a process that has ended fails here; `gone` tells why it ended.
  running.stdin.on("error", () => {});

  const gone = running.then((result) => {
    take(reader.end());
    const { exitCode, signal, shortMessage } = result;
    const ended =
      signal !== undefined
        ? `ended by ${signal}`
        : exitCode !== undefined
          ? `ended with code ${exitCode}`
          : `could not be started: ${shortMessage}`;
    const error = new SidecarGoneError(`ml-sidecar ${failure ?? ended}`, { exitCode, signal, stderr });
    onGone(error);
    return error;
  });

  const handles = [running.stdin, running.stdout, running.stderr] as unknown as Socket[];
  const keepHost = (alive: boolean) => {
    const verb = alive ? "ref" : "unref";
    running[verb]();
    for (const handle of handles) handle[verb]?.();
  };
  let held = 0;
  keepHost(false);

  return {
    pid: running.pid,
    gone,
    send: (line) => running.stdin.write(line),
    hold() {
      if (held++ === 0) keepHost(true);
    },
    release() {
      if (--held === 0) keepHost(false);
    },
    end: () => running.stdin.end(),
    kill: () => running.kill("SIGKILL"),
    fail(reason) {
      failure ??= reason;
      running.kill("SIGKILL");
    },
  };
}

/** @file The command line: one table of options, from which both parsing and `--help` come. */
import { parseArgs } from "node:util";

export type Command = "serve" | "schema" | "doctor" | "profile" | "help" | "version";
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Settings {
  /** Where models, checkpoints and the journal are kept; null keeps everything in memory and temporary files. */
  readonly dataDirectory: string | null;
  /** The longest input line, in bytes. */
  readonly maxLineBytes: number;
  /** Files or package names, in the order given. */
  readonly plugins: readonly string[];
  /** Threads that one training may use; null lets the machine choose. */
  readonly threads: number | null;
  readonly logLevel: LogLevel;
  /** Directories outside of which no file is read or written; null allows what the user may. */
  readonly roots: readonly string[] | null;
  /** Largest working memory of one compiled program, in bytes. */
  readonly memoryLimitBytes: number | null;
  /** Whether the engine uses WebAssembly's vectors; without them it computes by plain loops. */
  readonly simd: boolean;
  /** Whether the engine uses relaxed SIMD where there is any. */
  readonly relaxedSimd: boolean;
  /** Whether it uses vectors of 256 bits where there are any. */
  readonly wideSimd: boolean;
}

/** Says what is wrong with the command line, in words. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Option {
  /** What stands for the value in `--help`; without it, the option takes none. */
  readonly value?: string;
  readonly repeatable?: true;
  readonly about: string;
}

const OPTIONS = {
  "data-dir": { value: "PATH", about: "keep models, checkpoints and the journal there (default: nothing is kept)" },
  "max-line-bytes": { value: "SIZE", about: "longest input line (default: 64MiB)" },
  plugin: { value: "FILE|PACKAGE", repeatable: true, about: "load a plugin; may be given several times" },
  threads: { value: "N", about: "threads for one training (default: one per core)" },
  "log-level": { value: "LEVEL", about: `${LOG_LEVELS.join(", ")} (default: warn); logs go to standard error` },
  root: { value: "PATH", repeatable: true, about: "allow files only below this directory; may be given several times" },
  "memory-limit": { value: "SIZE", about: "refuse programs that need more working memory than this" },
  "no-simd": {
    about: "compute by plain loops in float64: hundreds of times slower, to find out where a result comes from",
  },
  "no-relaxed-simd": {
    about: "compute without relaxed SIMD instructions; somewhat slower, the same on every processor",
  },
  "no-wide-simd": {
    about: "compute with vectors of 128 bits where Node (24 or newer) could make them 256; slower, the same results",
  },
  help: { about: "print this" },
  version: { about: "print the version" },
} as const satisfies Record<string, Option>;

const COMMANDS: Record<Exclude<Command, "help" | "version">, string> = {
  serve: "speak JSON-RPC 2.0 on standard input and output (the default)",
  schema: "print the OpenRPC document",
  doctor: "report on this machine: Node, SIMD, threads, onnxruntime, data directory",
  profile: "time the instructions of a network's training step: profile NAME",
};

/** @param parameters what follows the program's name. @throws UsageError */
export function parseCommandLine(parameters: readonly string[]): {
  command: Command;
  /** What the command is about, where it takes a name. */
  subject: string | null;
  settings: Settings;
} {
  const { values, positionals } = parseStrictly(parameters);
  const [word = "serve", ...named] = positionals;
  const [subject = null, ...more] = word === "profile" ? named : [null, ...named];
  if (!Object.hasOwn(COMMANDS, word)) {
    throw new UsageError(`unknown command \`${word}\`; known are ${Object.keys(COMMANDS).join(", ")}`);
  }
  if (more.length > 0) throw new UsageError(`unexpected argument \`${more[0]}\``);
  const logLevel = one(values["log-level"]) ?? "warn";
  if (!isLogLevel(logLevel)) {
    throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, not \`${logLevel}\``);
  }
  return {
    command: values.help ? "help" : values.version ? "version" : (word as Command),
    subject,
    settings: {
      dataDirectory: one(values["data-dir"]) ?? null,
      maxLineBytes: parseSize("max-line-bytes", one(values["max-line-bytes"])) ?? 64 * 2 ** 20,
      plugins: all(values.plugin),
      threads: parseCount("threads", one(values.threads)),
      logLevel,
      roots: values.root === undefined ? null : all(values.root),
      memoryLimitBytes: parseSize("memory-limit", one(values["memory-limit"])),
      simd: values["no-simd"] !== true,
      relaxedSimd: values["no-relaxed-simd"] !== true,
      wideSimd: values["no-wide-simd"] !== true,
    },
  };
}

export function usage(): string {
  const commands = Object.entries(COMMANDS).map(([name, about]) => `  ${name.padEnd(28)}${about}`);
  const options = Object.entries<Option>(OPTIONS).map(
    ([name, { value, about }]) => `  ${`--${name}${value ? ` ${value}` : ""}`.padEnd(28)}${about}`,
  );
  return [
    "usage: ml-sidecar [command] [options]",
    "",
    "Machine learning as a child process: JSON lines in, JSON lines out.",
    "",
    "commands:",
    ...commands,
    "",
    "options:",
    ...options,
    "",
    "sizes are bytes, or take a unit: 512KiB, 64MiB, 4GiB",
    "",
    "exit codes: 0 clean, 3 usage, 4 broken pipe, 5 parent gone, 6 engine crashed, 7 data directory locked, 70 internal",
    "",
  ].join("\n");
}

type Value = string | boolean | (string | boolean)[] | undefined;

function parseStrictly(parameters: readonly string[]): { values: Record<string, Value>; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries<Option>(OPTIONS).map(([name, { value, repeatable }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: repeatable === true },
    ]),
  );
  try {
    return parseArgs({ args: [...parameters], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]!);
  }
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

function one(value: Value): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function all(value: Value): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

const UNITS: Record<string, number> = { "": 1, B: 1, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

function parseSize(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const bytes = digits === undefined || factor === undefined ? Number.NaN : Math.floor(Number(digits) * factor);
  if (!(bytes >= 1)) throw new UsageError(`--${name} must be a size such as 67108864 or 64MiB, not \`${text}\``);
  return bytes;
}

function parseCount(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 256) throw new UsageError(`--${name} must be a whole number from 1 to 256, not \`${text}\``);
  return count;
}

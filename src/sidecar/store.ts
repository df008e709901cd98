/**
 * @file The data directory: who holds it, and where in it everything lies.
 *
 *     lock                             the process that uses the directory
 *     answers.ndjson                   answers to calls with an idempotency key
 *     models/m_1/entry.json            name, state, when it was made
 *     models/m_1/saved/                the model itself, as `models.save` writes it
 *     data/d_1/reference.json           the reference given to `data.put`
 *     jobs/j_1/job.json                what was asked
 *     jobs/j_1/events.ndjson           what happened, append-only
 *     jobs/j_1/checkpoint.safetensors  everything needed to go on
 *     runs/r_1/run.json                what was given to `rl.create`, and the model that it learns
 *     runs/r_1/checkpoint.safetensors  everything needed to go on
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { replaceFile } from "../pipelines/files/durable.ts";
import { makeFolder } from "../pipelines/files/makeFolder.ts";
import { Refusal } from "../protocol/errors.ts";
import { UsageError } from "./commandline.ts";
import { lockDirectory } from "./lock.ts";

const KINDS = ["models", "data", "jobs", "runs"] as const;
export type Kind = (typeof KINDS)[number];

export interface Store {
  readonly directory: string;
  /** A path inside, for example `path("jobs", "j_1", "events.ndjson")`. Its directory is made if need be. */
  path(kind: Kind, id: string, file: string): string;
  /** The ids of what is stored, in the order of their numbers. */
  ids(kind: Kind): string[];
  readJson<T>(kind: Kind, id: string, file: string): T | null;
  writeJson(kind: Kind, id: string, file: string, value: unknown): void;
  remove(kind: Kind, id: string): void;
  readonly answersPath: string;
  release(): void;
}

/** How names end under which files and folders are written. */
const UNFINISHED = ".new";
/** Nobody but the user reads what is kept. */
const PRIVATE = 0o600;

/** @throws Refusal `DATA_DIRECTORY_LOCKED`; UsageError when the directory cannot be written. */
export function openStore(dataDirectory: string): Store {
  const directory = resolve(dataDirectory);
  const release = prepare(directory);

  function path(kind: Kind, id: string, file: string): string {
    makeFolder(join(directory, kind, id), 0o700);
    return join(directory, kind, id, file);
  }

  return {
    directory,
    path,
    ids: (kind) =>
      readdirSync(join(directory, kind))
        .filter(isId)
        .sort((a, b) => numberOf(a) - numberOf(b)),
    readJson(kind, id, file) {
      const from = join(directory, kind, id, file);
      return existsSync(from) ? JSON.parse(readFileSync(from, "utf8")) : null;
    },
    writeJson: (kind, id, file, value) => replaceFile(path(kind, id, file), JSON.stringify(value), PRIVATE),
    remove: (kind, id) => rmSync(join(directory, kind, id), { recursive: true, force: true }),
    answersPath: join(directory, "answers.ndjson"),
    release,
  };
}

/** Makes what is missing, and takes the lock. */
function prepare(directory: string): () => void {
  try {
    for (const kind of KINDS) makeFolder(join(directory, kind), 0o700);
    const release = lockDirectory(directory);
    sweep(directory);
    return release;
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new UsageError(`--data-dir ${directory} cannot be used: ${(thrown as Error).message}`);
  }
}

/** Removes what writes that were cut short have left: it was never put in place. */
function sweep(directory: string): void {
  for (const kind of KINDS) {
    for (const id of readdirSync(join(directory, kind)).filter(isId)) {
      for (const name of readdirSync(join(directory, kind, id))) {
        if (name.endsWith(UNFINISHED)) rmSync(join(directory, kind, id, name), { recursive: true, force: true });
      }
    }
  }
}

const isId = (name: string) => /^[a-z]_\d+$/.test(name);

/** The number in an id such as `m_12`. */
export function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("_") + 1));
}

/** @file What can be learned in this session: our own registry and the plugins', loaded once, when first asked for. */
import { Worker } from "node:worker_threads";
import * as pipelines from "../pipelines/index.ts";
import { Refusal, toWireError, type WireError } from "../protocol/errors.ts";
import type { Log } from "./log.ts";
import type { Verdict } from "./trial.ts";

/** How loading a plugin went. */
export interface PluginReport {
  /** As it was named on the command line. */
  readonly plugin: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly error: WireError | null;
}

export interface Learning {
  readonly pipelines: typeof pipelines;
  readonly registry: pipelines.Registry;
  readonly plugins: readonly PluginReport[];
}

const TRIAL_MILLISECONDS = 5000;

/**
 * A plugin that cannot be loaded is reported, and the others are there all the same. Each is tried in a thread of its own before
 * this one loads it, so that one that loops or ends its process costs no more than itself.
 * @param trialEntry the file of that thread
 */
export async function loadLearning(paths: readonly string[], trialEntry: URL, log: Log): Promise<Learning> {
  const verdicts = await Promise.all(paths.map((path) => tryPlugin(path, trialEntry)));
  const reports: PluginReport[] = [];
  const loaded: pipelines.Plugin[] = [];
  let registry = pipelines.createRegistry();
  for (const [index, path] of paths.entries()) {
    const refuse = (error: WireError) => {
      log("error", `plugin ${path}: ${error.message}`, { plugin: path, error });
      reports.push({ plugin: path, name: null, version: null, error });
    };
    const verdict = verdicts[index] ?? null;
    if (verdict !== null) {
      refuse(verdict);
      continue;
    }
    try {
      const plugin = await pipelines.loadPlugin(path);
      registry = pipelines.createRegistry([...loaded, plugin]);
      loaded.push(plugin);
      reports.push({ plugin: path, name: plugin.name, version: plugin.version, error: null });
    } catch (thrown) {
      refuse(toWireError(thrown));
    }
  }
  return { pipelines, registry, plugins: reports };
}

/** What is wrong with a plugin; null when a thread could load it. */
async function tryPlugin(path: string, entry: URL): Promise<Verdict> {
  const thread = new Worker(entry, { workerData: path, stdout: true, stderr: true });
  for (const stream of [thread.stdout, thread.stderr]) stream.on("data", (text: Buffer) => process.stderr.write(text));
  const unusable = (what: string) =>
    toWireError(
      new Refusal("INVALID_PARAMS", `plugin \`${path}\`: ${what}`, {
        violations: [{ path, message: what, expected: "a module that finishes loading", got: what }],
        hint: "let the module define its parts and do nothing else; `node` on the file shows what it does",
      }),
    );
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Verdict>((resolve) => {
      thread.once("message", resolve);
      thread.once("error", (error) => resolve(unusable(`loading it fails: ${error.message}`)));
      thread.once("exit", (code) =>
        resolve(unusable(`it ends or never settles while it is loaded (exit code ${code})`)),
      );
      const late = `it is still loading after ${TRIAL_MILLISECONDS / 1000} s`;
      timer = setTimeout(() => resolve(unusable(late)), TRIAL_MILLISECONDS);
    });
  } finally {
    clearTimeout(timer);
    void thread.terminate();
  }
}

/** @file What can be learned in this session: our own registry and the plugins', loaded once, when first asked for. */
import * as pipelines from "../pipelines/index.ts";
import { toWireError, type WireError } from "../protocol/errors.ts";
import type { Log } from "./log.ts";

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

/** A plugin that cannot be loaded is reported, and the others are there all the same. */
export async function loadLearning(paths: readonly string[], log: Log): Promise<Learning> {
  const reports: PluginReport[] = [];
  const loaded: pipelines.Plugin[] = [];
  let registry = pipelines.createRegistry();
  for (const path of paths) {
    try {
      const plugin = await pipelines.loadPlugin(path);
      registry = pipelines.createRegistry([...loaded, plugin]);
      loaded.push(plugin);
      reports.push({ plugin: path, name: plugin.name, version: plugin.version, error: null });
    } catch (thrown) {
      const error = toWireError(thrown);
      log("error", `plugin ${path}: ${error.message}`, { plugin: path, error });
      reports.push({ plugin: path, name: null, version: null, error });
    }
  }
  return { pipelines, registry, plugins: reports };
}

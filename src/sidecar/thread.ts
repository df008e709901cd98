/** @file What compute threads of both kinds begin with and end in: the registry with the plugins, and errors that can be cloned. */
import { createRegistry, loadPlugin, type Plugin, type Registry } from "../pipelines/index.ts";
import { toWireError } from "../protocol/errors.ts";
import type { PlainFault } from "./calls.ts";

/** A plugin that does not load is left out here too; the main thread reports it. */
export async function loadRegistry(paths: readonly string[]): Promise<Registry> {
  const plugins: Plugin[] = [];
  let registry = createRegistry();
  for (const path of paths) {
    try {
      const plugin = await loadPlugin(path);
      registry = createRegistry([...plugins, plugin]);
      plugins.push(plugin);
    } catch {
      // said once is enough
    }
  }
  return registry;
}

/** An error as a structured clone can carry it. */
export function plainFault(thrown: unknown): PlainFault {
  const { message, data } = toWireError(thrown);
  return {
    reason: data.reason,
    message,
    violations: data.violations ?? [],
    hint: data.hint,
    retryable: data.retryable,
    context: data.context,
  };
}

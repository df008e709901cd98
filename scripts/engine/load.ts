/**
 * @file Runs the engine from a script, with the code that V8 made of it when it was built: decision 21. Part of every bundle
 * that has the engine, instead of it.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, Script } from "node:vm";
import { relaxedSimdAvailable } from "../../src/engine/executors/machine/module.ts";
// @ts-expect-error: plain JavaScript
import { codeOf } from "./names.mjs";

type Run = (module: { exports: object }, exports: object, require: NodeJS.Require, url: string) => void;

let loaded: { readonly script: Script; readonly code: URL } | undefined;

/**
 * What the script gives to whoever imports it. Where its code was not kept, or was under other flags, it is compiled as it is used.
 * @param name of the script, which changes with its contents
 * @param beside which module it stands, as a URL
 */
export function loadEngine(name: string, beside: string): object {
  // Sets a flag of V8's that the engine would set later: what was kept under other flags is refused.
  relaxedSimdAvailable();
  const [url, code] = [new URL(name, beside), new URL(codeOf(name), beside)];
  const kept = keptCode(code);
  const script = new Script(readFileSync(url, "utf8"), {
    filename: url.href,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(kept !== null && { cachedData: kept }),
  });
  loaded = { script, code };
  const module = { exports: {} };
  (script.runInThisContext() as Run)(module, module.exports, createRequire(url), url.href);
  return module.exports;
}

/** @returns null where there is none, or none that this process may read: all goes on without */
function keptCode(code: URL): Buffer | null {
  // Kept code does not count what it runs.
  if (process.env.NODE_V8_COVERAGE !== undefined) return null;
  try {
    return readFileSync(code);
  } catch {
    return null;
  }
}

/** Keeps the code of all that has run. */
export function keepCode(): void {
  const { script, code } = loaded!;
  const draft = new URL(`${code.href}.${process.pid}`);
  writeFileSync(draft, script.createCachedData());
  renameSync(draft, code);
}

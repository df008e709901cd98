/** @file Plugins from files and packages: imported, checked field by field, and refused with a name and a place when wrong. */
import { createRequire, register } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import type { Definition, Plugin } from "./define.ts";
import { suggest } from "./nearest.ts";
import { KINDS, type Kind } from "./registry.ts";

/** The functions that a definition of each kind must have. */
const FUNCTIONS: Record<Kind, readonly string[]> = {
  pipelines: ["metrics"],
  backbones: ["build"],
  heads: ["build", "results"],
  losses: ["perRow"],
  optimizers: ["slots", "scalars", "update"],
  schedules: ["factor"],
  augmentations: ["prepare"],
  datasets: ["load"],
  environments: ["make"],
  algorithms: ["plan", "create"],
};

/** The other fields that it must have, beside `type`, `description` and `options`. */
const FIELDS: Record<Kind, Readonly<Record<string, z.ZodType>>> = {
  pipelines: { head: z.string(), defaults: z.object({}) },
  backbones: {},
  heads: { target: z.enum(["classes", "labels", "values", "sequence", "inputs", "none", "tasks"]) },
  losses: { targets: z.array(z.string().min(1)).min(1) },
  optimizers: {},
  schedules: {},
  augmentations: { rows: z.enum(["image", "sequence", "any"]) },
  datasets: {},
  environments: { maxEpisodeSteps: z.int().min(1).nullable() },
  algorithms: {},
};

/**
 * Imports a plugin: a path (absolute, or beginning with a dot) or a package's name, both seen from the working directory.
 * @throws INVALID_PARAMS naming the file and the field that is wrong; NOT_FOUND when there is no such file or package.
 */
export async function loadPlugin(pathOrPackage: string): Promise<Plugin> {
  serveOwnModules();
  const imported = await importModule(pathOrPackage);
  return checkPlugin((imported as { default?: unknown }).default, pathOrPackage);
}

async function importModule(pathOrPackage: string): Promise<unknown> {
  const isPath = isAbsolute(pathOrPackage) || pathOrPackage.startsWith(".");
  try {
    const file = isPath ? resolve(pathOrPackage) : createRequire(resolve("package.json")).resolve(pathOrPackage);
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    const { code } = cause as { code?: string };
    const isMissing =
      code === "MODULE_NOT_FOUND" ||
      (code === "ERR_MODULE_NOT_FOUND" && String(cause).includes(resolve(pathOrPackage)));
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Fault(
      isMissing ? "NOT_FOUND" : "INVALID_PARAMS",
      `plugin \`${pathOrPackage}\`: ${isMissing ? "there is no such module" : message}`,
      {
        violations: [{ path: pathOrPackage, message: isMissing ? "not found" : "cannot be imported", got: message }],
        hint: isMissing
          ? "give a path that begins with `./` or `/`, or install the package"
          : "run `node` on the file to see where it fails",
        cause,
      },
    );
  }
}

let isServing = false;

/**
 * Lets a plugin anywhere on disk import `ml-sidecar/plugin`, and get this very process's modules: without it, only plugins
 * that have the package in a `node_modules` above them could, and with a second copy of everything.
 */
function serveOwnModules(): void {
  if (isServing) return;
  isServing = true;
  const face = pathToFileURL(createRequire(import.meta.url).resolve("ml-sidecar/plugin")).href;
  const hook = `export const resolve = (specifier, context, next) =>
    specifier === "ml-sidecar/plugin" ? { url: ${JSON.stringify(face)}, format: "module", shortCircuit: true } : next(specifier, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** A default export as a plugin. @param file for the messages. */
export function checkPlugin(exported: unknown, file: string): Plugin {
  const refuse = (field: string, expected: string, got: string, hint: string): never => {
    throw new Fault("INVALID_PARAMS", `plugin \`${file}\`: \`${field}\` should be ${expected}, but is ${got}`, {
      violations: [{ path: `${file}: ${field}`, message: "not what a plugin needs", expected, got }],
      hint,
    });
  };
  const plugin = (
    isObject(exported)
      ? exported
      : refuse("default export", "a plugin", kindOf(exported), "write `export default definePlugin({…})`")
  ) as Record<string, unknown>;
  for (const field of ["name", "version"]) {
    if (typeof plugin[field] !== "string")
      refuse(field, "a string", kindOf(plugin[field]), `give the plugin a \`${field}\``);
  }
  for (const field of Object.keys(plugin)) {
    if (field === "name" || field === "version" || KINDS.includes(field as Kind)) continue;
    refuse(field, `one of ${KINDS.join(", ")}`, "unknown", suggest(field, KINDS));
  }
  for (const kind of KINDS) {
    const definitions = plugin[kind] ?? [];
    if (!Array.isArray(definitions)) refuse(kind, "an array", kindOf(definitions), `write \`${kind}: [...]\``);
    for (const [index, definition] of (definitions as unknown[]).entries())
      checkDefinition(kind, `${kind}[${index}]`, definition, refuse);
  }
  return exported as Plugin;
}

type Refuse = (field: string, expected: string, got: string, hint: string) => never;

function checkDefinition(kind: Kind, place: string, definition: unknown, refuse: Refuse): void {
  if (!isObject(definition))
    throw refuse(place, "a definition", kindOf(definition), "make it with a `define…` function of `ml-sidecar/plugin`");
  const fields = definition as Partial<Definition> & Record<string, unknown>;
  for (const field of ["type", "description"]) {
    if (typeof fields[field] !== "string" || fields[field] === "")
      refuse(`${place}.${field}`, "a string", kindOf(fields[field]), "hosts read it in `runtime.catalog`");
  }
  if (!(fields.options instanceof z.ZodObject)) {
    refuse(
      `${place}.options`,
      "a zod object",
      kindOf(fields.options),
      "use the `z` that `ml-sidecar/plugin` exports: `options: z.object({})`",
    );
  }
  for (const [name, option] of Object.entries((fields.options as z.ZodObject).shape)) {
    if ((option as z.ZodType).description === undefined) {
      refuse(
        `${place}.options.${name}`,
        "described",
        "not",
        'add `.describe("…")`, at the end: it is what the catalog shows',
      );
    }
  }
  if (kind === "optimizers" && !("learningRate" in (fields.options as z.ZodObject).shape)) {
    refuse(`${place}.options.learningRate`, "a number", "missing", "schedules act on it");
  }
  for (const name of FUNCTIONS[kind]) {
    if (typeof fields[name] !== "function")
      refuse(`${place}.${name}`, "a function", kindOf(fields[name]), "see docs and examples/plugins");
  }
  for (const [name, schema] of Object.entries(FIELDS[kind])) {
    const parsed = schema.safeParse(fields[name]);
    if (!parsed.success)
      refuse(`${place}.${name}`, parsed.error.issues[0]!.message, kindOf(fields[name]), "see examples/plugins");
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return value === undefined ? "missing" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** @file The table of methods. A method is one entry: validation, discovery, documentation and the clients' types come from it. */
import type { z } from "zod";
import { Refusal } from "./errors.ts";
import { dataMethods } from "./methods/data.ts";
import type { Method } from "./methods/define.ts";
import { inferenceMethods } from "./methods/inference.ts";
import { inspectMethods } from "./methods/inspect.ts";
import { jobMethods } from "./methods/jobs.ts";
import { modelMethods } from "./methods/models.ts";
import { policyMethods } from "./methods/policy.ts";
import { rlMethods } from "./methods/rl.ts";
import { runtimeMethods } from "./methods/runtime.ts";
import { suggestion } from "./suggest.ts";
import { toViolations } from "./violations.ts";

export const METHODS = {
  ...runtimeMethods,
  ...modelMethods,
  ...dataMethods,
  ...jobMethods,
  ...inferenceMethods,
  ...inspectMethods,
  ...rlMethods,
  ...policyMethods,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;
type SchemaOf<M extends MethodName, Side extends "params" | "result"> = Extract<(typeof METHODS)[M][Side], z.ZodType>;

/** Params as a client writes them. */
export type ParamsOf<M extends MethodName> = z.input<SchemaOf<M, "params">>;
/** Params as they are after validation. */
export type ParsedParams<M extends MethodName> = z.output<SchemaOf<M, "params">>;
/** The result; `never` for a notification. */
export type ResultOf<M extends MethodName> = z.output<SchemaOf<M, "result">>;

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

/** @throws Refusal METHOD_NOT_FOUND, with the nearest name. */
export function findMethod(name: string): MethodName {
  if (isMethod(name)) return name;
  throw new Refusal("METHOD_NOT_FOUND", `unknown method \`${name.slice(0, 100)}\``, {
    hint: suggestion(name, Object.keys(METHODS), 0) ?? "`rpc.discover` lists the methods",
  });
}

/** @throws Refusal INVALID_PARAMS, with a violation for each thing that is wrong. */
export function parseParams<M extends MethodName>(method: M, params: unknown): ParsedParams<M> {
  const schema: z.ZodObject = METHODS[method].params;
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data as ParsedParams<M>;
  const violations = toViolations(parsed.error, params, schema);
  const message = violations.map(({ path, message }) => (path === "" ? message : `\`${path}\` ${message}`)).join("; ");
  const hints = violations.flatMap(({ hint }) => hint ?? []);
  throw new Refusal("INVALID_PARAMS", `${method}: ${message}`.slice(0, 1000), {
    violations: violations.map(({ hint: _, ...violation }) => violation),
    hint:
      hints.find((hint) => hint.startsWith("did you mean")) ??
      hints[0] ??
      `\`rpc.discover\` has the schema of \`${method}\``,
  });
}

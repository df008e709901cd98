/** @file Options through their schemas: defaults filled in, or a fault that names every wrong field by its path. */
import type { z } from "zod";
import { Fault, type Violation } from "../../engine/index.ts";
import type { Configured } from "../model/spec.ts";
import type { Definition, Options } from "./define.ts";
import { nearest, suggest } from "./nearest.ts";

/** `backbone` and `["hidden", 0]` as `backbone.hidden[0]`. */
function pathOf(base: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    return path === "" ? String(key) : `${path}.${String(key)}`;
  }, base);
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** A value as it may stand in an error message: JSON, cut short. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : written(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Files may hold values nested deeper than JSON.stringify can follow. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return Array.isArray(value) ? "a deeply nested array" : "a deeply nested object";
  }
}

function expectedBy(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === "invalid_type") return issue.expected;
  if (issue.code === "invalid_value") return issue.values.map((value) => show(value)).join(" | ");
  if (issue.code === "too_small") return `${issue.inclusive === false ? ">" : ">="} ${issue.minimum}`;
  if (issue.code === "invalid_union") return eachOnce(issue.errors.map(([first]) => first && expectedBy(first)));
  if (issue.code === "too_big") return `${issue.inclusive === false ? "<" : "<="} ${issue.maximum}`;
  return undefined;
}

/** Of a union what its members expect; undefined where one of them cannot say. */
function eachOnce(expected: readonly (string | undefined)[]): string | undefined {
  return expected.includes(undefined) ? undefined : [...new Set(expected)].join(" | ");
}

/** The fields that an object schema knows, below wrappers such as defaults; of a union, those of its first object. */
function fieldsAt(schema: z.ZodType, keys: readonly PropertyKey[]): string[] {
  type Inner = { shape?: Record<PropertyKey, unknown>; def?: { innerType?: unknown; options?: readonly unknown[] } };
  const objectIn = (type: unknown): Inner | undefined => {
    const { shape, def } = (type ?? {}) as Inner;
    if (shape !== undefined) return type as Inner;
    if (def?.innerType !== undefined) return objectIn(def.innerType);
    return def?.options?.map(objectIn).find((option) => option !== undefined);
  };
  const found = keys.reduce<Inner | undefined>((inner, key) => objectIn(inner?.shape?.[key]), objectIn(schema));
  return Object.keys(found?.shape ?? {});
}

/**
 * Parses `raw` by `schema`.
 * @param path where `raw` stands in what the host sent, such as `backbone`.
 * @throws INVALID_PARAMS with one violation per wrong field.
 */
export function parseBy<Schema extends z.ZodType>(schema: Schema, raw: unknown, path: string): z.output<Schema> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const hints: string[] = [];
  const violations = parsed.error.issues.flatMap((issue): Violation[] => {
    if (issue.code === "unrecognized_keys") {
      const fields = fieldsAt(schema, issue.path);
      return issue.keys.map((key) => {
        const near = nearest(key, fields);
        if (near !== undefined) hints.push(`did you mean \`${near}\`?`);
        return {
          path: pathOf(path, [...issue.path, key]),
          message: "unknown field",
          ...(fields.length === 0 ? {} : { expected: fields.join(" | ") }),
          got: key,
        };
      });
    }
    const got = valueAt(raw, issue.path);
    const expected = expectedBy(issue);
    if (issue.code === "invalid_value" && typeof got === "string") {
      const near = nearest(got, issue.values.map(String));
      if (near !== undefined) hints.push(`did you mean \`${near}\`?`);
    }
    return [
      {
        path: pathOf(path, issue.path),
        message: issue.code === "invalid_union" && got === undefined ? "missing" : issue.message,
        ...(expected === undefined ? {} : { expected }),
        got: show(got),
      },
    ];
  });
  const first = violations[0]!;
  throw new Fault("INVALID_PARAMS", `\`${first.path}\`: ${first.message}`, {
    violations,
    hint:
      hints[0] ??
      (first.expected === undefined
        ? "see `runtime.catalog` for what is accepted"
        : `expected ${first.expected}, got ${first.got}`),
  });
}

/** The definition of that name; an unknown one gets the nearest as a hint. */
export function find<Kind extends Definition>(
  definitions: ReadonlyMap<string, Kind>,
  type: string,
  path: string,
): Kind {
  const definition = definitions.get(type);
  if (definition !== undefined) return definition;
  const known = [...definitions.keys()];
  throw new Fault("INVALID_PARAMS", `\`${path}\`: there is no \`${type}\``, {
    violations: [{ path, message: "unknown name", expected: known.join(" | "), got: type }],
    hint: suggest(type, known),
  });
}

/**
 * What a host wrote to choose a definition, either its bare name or `{"type": name, ...options}`, with defaults filled in.
 * @param fallback the type when `raw` is left out, or gives options alone.
 */
export function parseConfigured<Kind extends Definition>(
  definitions: ReadonlyMap<string, Kind>,
  raw: unknown,
  path: string,
  fallback: string,
): Configured {
  const written: unknown = raw === undefined ? {} : typeof raw === "string" ? { type: raw } : raw;
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    throw new Fault("INVALID_PARAMS", `\`${path}\` must be a name or an object with a \`type\``, {
      violations: [
        {
          path,
          message: "neither a name nor an object",
          expected: `"${fallback}" or {"type": "${fallback}"}`,
          got: show(raw),
        },
      ],
      hint: `write {"type": "${fallback}"} or leave it out`,
    });
  }
  const { type = fallback, ...options } = written as { type?: unknown };
  if (typeof type !== "string") {
    throw new Fault("INVALID_PARAMS", `\`${path}.type\` must be a string`, {
      violations: [{ path: `${path}.type`, message: "not a string", expected: "string", got: show(type) }],
      hint: `one of ${[...definitions.keys()].map((name) => `\`${name}\``).join(", ")}`,
    });
  }
  const definition = find(definitions, type, `${path}.type`);
  return { type, ...parseBy(definition.options.strict(), options, path) };
}

/** The options of a configured choice, without its type. */
export function optionsOf({ type: _, ...options }: Configured): Options {
  return options;
}

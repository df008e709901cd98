/** @file What a schema found wrong, in words a host can act on: where, what was expected, what came, what was meant. */
import { z } from "zod";
import type { Violation } from "./errors.ts";
import { suggestion } from "./suggest.ts";

export interface HintedViolation extends Violation {
  readonly hint?: string;
}

type Issue = z.core.$ZodIssue;

/** A path as one would write it: `backbone.hidden[1]`, `columns["first name"]`. */
export function showPath(path: readonly PropertyKey[]): string {
  let shown = "";
  for (const step of path) {
    if (typeof step === "number") shown += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(step))) shown += shown === "" ? String(step) : `.${String(step)}`;
    else shown += `[${JSON.stringify(String(step))}]`;
  }
  return shown;
}

/** A value in few words: its JSON where that is short, else what kind of thing it is. */
export function showValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string")
    return value.length <= 40 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  if (Array.isArray(value)) {
    const json = value.length <= 8 && value.every((item) => typeof item !== "object") ? JSON.stringify(value) : "";
    return json !== "" && json.length <= 60 ? json : `an array of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    return keys.length === 0
      ? "{}"
      : `an object with ${keys.slice(0, 4).join(", ").slice(0, 80)}${keys.length > 4 ? ", …" : ""}`;
  }
  return String(value);
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "an array",
  tuple: "an array",
  object: "an object",
  record: "an object",
  null: "null",
  undefined: "nothing",
};

/** What a schema wants, in words; used where none of a union's options fits at all. */
function showExpected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return ARTICLES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.length === 1 ? JSON.stringify(issue.values[0]) : `one of ${issue.values.join(", ")}`;
    case "too_small":
      return `${sizeWord(issue.origin)}${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `${sizeWord(issue.origin)}${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_union":
      return [...new Set(issue.errors.flatMap((option) => option.slice(0, 1).map(showExpected)))].join(", or ");
    default:
      return issue.message;
  }
}

function sizeWord(origin: string): string {
  return origin === "string" ? "a length of " : origin === "array" || origin === "set" ? "a number of items of " : "";
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, step)
        ? (value as Record<PropertyKey, unknown>)[step]
        : undefined,
    root,
  );
}

/** The schema that stands at a path, through objects, arrays and wrappers; `undefined` where it can't be told. */
function schemaAt(schema: z.core.$ZodType | undefined, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const step of [...path, undefined]) {
    while (at instanceof z.ZodOptional || at instanceof z.ZodNullable || at instanceof z.ZodDefault)
      at = at.unwrap() as z.core.$ZodType;
    if (step === undefined) return at;
    if (at instanceof z.ZodObject) at = at.shape[String(step)];
    else if (at instanceof z.ZodArray) at = at.element as z.core.$ZodType;
    else if (at instanceof z.ZodRecord) at = at.valueType as z.core.$ZodType;
    else return undefined;
  }
  return at;
}

/**
 * Of a union's options, the one that was most likely meant: whose trouble lies deepest, and then the one with the least trouble.
 * `undefined` where the value is of the wrong type for all of them.
 */
function meantOption(errors: readonly (readonly Issue[])[]): { index: number; issues: readonly Issue[] } | undefined {
  const options = errors
    .map((issues, index) => ({
      index,
      issues,
      wrongType: issues.some(
        (issue) => issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value"),
      ),
    }))
    .filter(({ wrongType }) => !wrongType);
  return options.sort((a, b) => a.issues.length - b.issues.length)[0];
}

const takesType = (schema: z.core.$ZodType | undefined): boolean =>
  schema instanceof z.ZodObject && "type" in schema.shape;

function explain(
  issue: Issue,
  root: unknown,
  schema: z.core.$ZodType | undefined,
  base: readonly PropertyKey[],
): HintedViolation[] {
  const path = [...base, ...issue.path];
  const at = showPath(path);
  if (issue.code === "unrecognized_keys") {
    const owner = schemaAt(schema, issue.path);
    const known = owner instanceof z.ZodObject ? Object.keys(owner.shape).filter((key) => key !== "_meta") : [];
    const used = Object.keys((valueAt(root, path) as object | undefined) ?? {});
    return issue.keys.map((key) => {
      const hint = suggestion(
        key,
        known.filter((name) => !used.includes(name)),
      );
      return {
        path: showPath([...path, key]),
        message: "is not known here",
        ...(known.length > 0 ? { expected: `one of ${known.join(", ")}` } : {}),
        got: key.slice(0, 100),
        ...(hint === undefined ? {} : { hint }),
      };
    });
  }
  const value = valueAt(root, path);
  if (issue.code === "invalid_union") {
    const meant = meantOption(issue.errors);
    if (meant !== undefined) {
      const union = schemaAt(schema, issue.path);
      const option = union instanceof z.ZodUnion ? (union.options[meant.index] as z.core.$ZodType) : undefined;
      return meant.issues.flatMap((inner) => explain(inner, root, option, path));
    }
  }
  const expected = showExpected(issue);
  if (value === undefined && issue.code !== "custom") {
    return [{ path: at, message: "is missing", expected, got: "nothing" }];
  }
  if (issue.code === "custom") return [{ path: at, message: issue.message, got: showValue(value) }];
  if (issue.code === "invalid_type" && typeof value === "string" && takesType(schemaAt(schema, issue.path))) {
    const hint = `write {"type":${JSON.stringify(value.slice(0, 40))}}`;
    return [
      { path: at, message: `must be ${expected}, not ${showValue(value)}`, expected, got: showValue(value), hint },
    ];
  }
  const violation = {
    path: at,
    message: `must be ${expected}, not ${showValue(value)}`,
    expected,
    got: showValue(value),
  };
  if (issue.code === "invalid_value" && typeof value === "string") {
    const hint = suggestion(value, issue.values.map(String));
    if (hint !== undefined) return [{ ...violation, hint }];
  }
  return [violation];
}

const MOST_VIOLATIONS = 20;

/**
 * @param root the value that was parsed: zod's issues don't carry what came.
 * @param schema what it was parsed with, to know the names that were possible.
 */
export function toViolations(error: z.core.$ZodError, root: unknown, schema?: z.core.$ZodType): HintedViolation[] {
  return error.issues.flatMap((issue) => explain(issue, root, schema, [])).slice(0, MOST_VIOLATIONS);
}

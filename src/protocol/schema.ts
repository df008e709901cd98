/** @file zod schemas as JSON Schema 2020-12, the named ones apart, so that documents and generators can refer to them. */
import { z } from "zod";

export type JsonSchema = { readonly [keyword: string]: unknown };

export interface SchemaCollection {
  /** The JSON Schema of what may be written; named schemas become references. */
  add(schema: z.ZodType): JsonSchema;
  /** Every named schema that was met so far, sorted by name. */
  named(): Record<string, JsonSchema>;
}

/** @param prefix where the document keeps its named schemas: `#/components/schemas/`. */
export function createSchemaCollection(prefix: string): SchemaCollection {
  const found = new Map<string, JsonSchema>();

  function relocate(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(relocate);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        // as a keyword zod's `id` is a string; a property of that name has a schema
        .filter(
          ([key, member]) => key !== "$schema" && key !== "$defs" && !(key === "id" && typeof member === "string"),
        )
        .map(([key, member]) => [key, key === "$ref" ? String(member).replace("#/$defs/", prefix) : relocate(member)]),
    );
  }

  return {
    add(schema) {
      const { $defs = {}, ...whole } = z.toJSONSchema(schema, { io: "input" });
      for (const [name, definition] of Object.entries($defs)) found.set(name, relocate(definition) as JsonSchema);
      return relocate(whole) as JsonSchema;
    },
    named: () => Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** @file The catalog: every registered definition with the JSON Schema of its options, for hosts and for the docs. */
import { z } from "zod";
import { KINDS, type Kind, type Registry } from "./registry.ts";

export interface CatalogEntry {
  readonly type: string;
  readonly description: string;
  /** JSON Schema 2020-12 of the options as a host writes them, `type` left out. */
  readonly options: Readonly<Record<string, unknown>>;
}

export type Catalog = Readonly<Record<Kind, readonly CatalogEntry[]>> & {
  readonly plugins: Registry["plugins"];
};

export function catalog(registry: Registry): Catalog {
  const entries = KINDS.map((kind) => [
    kind,
    [...registry[kind].values()].map(({ type, description, options }) => {
      const { $schema: _, ...schema } = z.toJSONSchema(options.strict(), { io: "input", unrepresentable: "any" });
      return { type, description, options: schema };
    }),
  ]);
  return { ...(Object.fromEntries(entries) as Record<Kind, CatalogEntry[]>), plugins: registry.plugins };
}

/** @file What a method is to everyone who looks at the table: a schema on each side, and a few words. */
import { z } from "zod";
import type { Reason } from "../errors.ts";
import { meta } from "../schemas/primitives.ts";

export interface Method {
  /** One line. */
  readonly summary: string;
  /** What else a host should know; Markdown. */
  readonly description?: string;
  readonly params: z.ZodObject;
  /** `null` for a notification, which is never answered. */
  readonly result: z.ZodType | null;
  /** Answered at once by the thread that reads, whatever the workers do. */
  readonly immediate?: boolean;
  /** The reasons it may fail for, besides those that any request may. */
  readonly errors?: readonly Reason[];
  readonly example?: { readonly params: Readonly<Record<string, unknown>>; readonly result: unknown };
}

/** A method's params: exactly these members, and `_meta`. */
export function params<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject({ ...shape, _meta: meta.optional() });
}

export const noParams = params({});

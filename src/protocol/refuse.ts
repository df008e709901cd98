/** @file A refusal of one place in the params, and the way to name that place. */
import { Refusal } from "./errors.ts";

/** @param path where it stands; "" for the params as a whole @param message what is wrong there, as a sentence without its subject */
export function refuse(
  reason: "INVALID_PARAMS" | "SHAPE_MISMATCH" | "DTYPE_UNSUPPORTED" | "LIMIT_EXCEEDED",
  path: string,
  message: string,
  { expected, got, hint }: { expected?: string; got?: string; hint?: string | undefined } = {},
): Refusal {
  return new Refusal(reason, path === "" ? message : `\`${path}\` ${message}`, {
    violations: [
      { path, message, ...(expected === undefined ? {} : { expected }), ...(got === undefined ? {} : { got }) },
    ],
    hint,
  });
}

/** The path of a member. */
export const inside = (path: string, member: string) => (path === "" ? member : `${path}.${member}`);

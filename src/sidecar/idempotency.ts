/** @file Calls that carry an idempotency key happen once: a repetition gets the first one's answer. */
import { createHash } from "node:crypto";
import { Refusal } from "../protocol/errors.ts";

const MOST_REMEMBERED = 10_000;

/** One answered call, as it is kept across restarts. */
export interface Remembered {
  readonly key: string;
  readonly digest: string;
  readonly result: unknown;
}

export interface Idempotency {
  /**
   * The first call's answer, or that of `act` now. A failed call is forgotten, so that it can be tried again.
   * @throws Refusal `ALREADY_EXISTS` when the key belongs to another call.
   */
  once(key: string, method: string, params: unknown, act: () => unknown): unknown;
}

/** @param keep makes an answer survive a restart; `remembered` are those that did. */
export function createIdempotency(remembered: readonly Remembered[], keep: (entry: Remembered) => void): Idempotency {
  const calls = new Map<string, { digest: string; answer: unknown }>();
  for (const { key, digest, result } of remembered) calls.set(key, { digest, answer: result });

  return {
    once(key, method, params, act) {
      const digest = createHash("sha256")
        .update(`${method}\n${canonical(params)}`)
        .digest("hex");
      const earlier = calls.get(key);
      if (earlier !== undefined) {
        if (earlier.digest === digest) return earlier.answer;
        throw new Refusal("ALREADY_EXISTS", `the idempotency key ${JSON.stringify(key)} was used for another call`, {
          hint: "use a new key whenever the method or the params differ",
        });
      }
      const answer = Promise.resolve(act());
      const entry = { digest, answer };
      calls.set(key, entry);
      if (calls.size > MOST_REMEMBERED) calls.delete(calls.keys().next().value!);
      answer.then(
        (result) => keep({ key, digest, result }),
        () => {
          if (calls.get(key) === entry) calls.delete(key);
        },
      );
      return answer;
    },
  };
}

/** JSON with sorted keys and without `_meta`, so that equal calls have equal texts. */
function canonical(params: unknown): string {
  return JSON.stringify(params, (key, value: unknown) => {
    if (key === "_meta") return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/**
 * @file A line to the params of `rl.step`, without the method's schema: only what needs no look at it passes, and whatever else, wrong
 * or merely unusual, is left to the usual way, which knows what to say of it.
 */
import { parseMessage } from "../protocol/envelope.ts";

type Params = Readonly<Record<string, unknown>>;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Nested arrays, or dtype, shape and bytes. What is in them is seen to where they are decoded. */
function isPlainTensor(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  let members = 0;
  for (const _ in value) members++;
  const { dtype, shape, b64 } = value as Params;
  return (
    members === 3 &&
    typeof dtype === "string" &&
    typeof b64 === "string" &&
    Array.isArray(shape) &&
    shape.every(isCount)
  );
}

const PLAIN: Readonly<Record<string, (value: unknown) => boolean>> = {
  run: (value) => typeof value === "string",
  group: isCount,
  observations: isPlainTensor,
  rewards: isPlainTensor,
  terminated: isPlainTensor,
  truncated: isPlainTensor,
  finalObservations: isPlainTensor,
  mask: isPlainTensor,
  reset: (value) => typeof value === "boolean",
};

/** What a line asks of run `run`, but for its name; null where it is not plainly the step with that id. */
export function plainStep(text: string, id: number | string, run: string): Params | null {
  const message = parseMessage(text);
  if (message.kind !== "request" || message.id !== id || message.method !== "rl.step") return null;
  const { run: named, ...sent } = message.params;
  if (named !== run || sent.observations === undefined) return null;
  for (const name in sent) if (!Object.hasOwn(PLAIN, name) || !PLAIN[name]!(sent[name])) return null;
  return sent;
}

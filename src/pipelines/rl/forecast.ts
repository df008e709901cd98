/** @file What a run will need, said before any of it is taken. */
import { Fault } from "../../engine/index.ts";

/** What a run may keep, of each kind: weights with what learns them, a rollout, a replay buffer. */
const MOST_BYTES = 4 * 2 ** 30;

const shown = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(3)} GiB`;

/** @throws OUT_OF_MEMORY with numbers */
export function refuseTooLarge(what: string, bytes: number, { path, hint }: { path: string; hint: string }): void {
  if (bytes <= MOST_BYTES) return;
  throw new Fault("OUT_OF_MEMORY", `${what} would take ${shown(bytes)} of ${shown(MOST_BYTES)}`, {
    violations: [{ path, message: "too large", expected: `at most ${shown(MOST_BYTES)}`, got: shown(bytes) }],
    hint,
    context: { bytes, limit: MOST_BYTES },
  });
}

/** @file The models that onnxruntime ran last, kept open: each in a process of its own, no more than a few. */
import type { NdArray } from "../../shape.ts";
import { type ApartSession, openApart } from "./apart.ts";
import type { StringArray } from "./session.ts";

const MOST = 4;
/** The one used last at the end. */
const open = new Map<string, Promise<ApartSession>>();

/**
 * Runs a model, opening it first if it is not among those kept. One that died is opened anew the next time.
 * @param key the model's own, such as a fingerprint of its bytes
 * @throws Fault as `openApart` and its `run`
 */
export async function runKept(
  key: string,
  model: () => Uint8Array,
  inputs: Readonly<Record<string, NdArray | StringArray>>,
): Promise<Readonly<Record<string, NdArray | StringArray>>> {
  const session = open.get(key) ?? openApart(model());
  open.delete(key);
  open.set(key, session);
  for (const oldest of open.keys()) {
    if (open.size <= MOST) break;
    closeKept(oldest);
  }
  try {
    return await (await session).run(inputs);
  } catch (failure) {
    if (open.get(key) === session) open.delete(key);
    end(session);
    throw failure;
  }
}

/** Ends a model's process, if there is one. */
export function closeKept(key: string): void {
  const session = open.get(key);
  open.delete(key);
  if (session !== undefined) end(session);
}

function end(session: Promise<ApartSession>): void {
  void session.then(({ close }) => close()).catch(() => {});
}

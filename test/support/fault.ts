/** @file The fault that something throws, for tests that look into it. */
import { Fault } from "../../src/engine/index.ts";

/** Fails the test when nothing is thrown; throws on what is not a fault. */
export function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** @file The fault that a call ends in. */
import { Fault } from "../../../src/engine/fault.ts";

export function faultOf(call: () => unknown): Fault {
  try {
    call();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("expected a fault, and there was none");
}

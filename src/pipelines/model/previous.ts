/** @file What a model that writes element by element has written before each place: while it learns, what it should have. */
import { concat, type Tensor } from "../../engine/index.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames } from "../targets/index.ts";
import { type Beside, type FittedRecord, translates } from "./network.ts";

/** The token that begins a sequence. */
export const startOf = (record: Pick<FittedRecord, "target">): number => outputNames(record.target).length;

/**
 * Teacher forcing (Williams and Zipser 1989): the target moved one place on, after the token that begins it.
 * @param target I32 [batch, time], −1 where nothing counts
 */
export function previousOf(registry: Registry, record: Pick<FittedRecord, "spec" | "target">, target: Tensor): Beside {
  if (!translates(registry, record.spec)) return {};
  const [batch, time] = target.shape as [number, number];
  const start = target.constant(startOf(record), "I32").broadcastTo([batch, 1]);
  const before = target.maximum(0).slice([0, 0], [batch, time - 1]);
  return { previous: time === 1 ? start : concat([start, before], 1) };
}

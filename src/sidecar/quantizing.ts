/** @file What an export asks of quantising, made ready in a worker: settings filled up, data read. */
import { createQuantizer, type ModelRecord, quantizeChoice } from "../pipelines/index.ts";
import type { Calls } from "./calls.ts";
import { load, machineOf, type Workshop } from "./workshop.ts";

/** Undefined where the file is to stay real. @throws Fault INVALID_PARAMS, and those of data that cannot be read */
export async function quantizerFor(
  { quantize, data }: Pick<Calls["exportModel"]["request"], "quantize" | "data">,
  record: ModelRecord,
  workshop: Workshop,
): Promise<ReturnType<typeof createQuantizer> | undefined> {
  if (quantize === null) return undefined;
  const choice = quantizeChoice(quantize);
  const dataset = data === null ? null : await load(data, workshop);
  return createQuantizer({ registry: workshop.registry, executor: machineOf(workshop), record }, choice, dataset);
}

/** @file What a worker holds of a model that was deleted, let go. */
import { forgetImported, forgetLoaded } from "../pipelines/index.ts";
import { giveBackSoon } from "./giveBack.ts";
import type { Workshop } from "./workshop.ts";

/** @param bytes what the model weighs: whoever took it in or trained it may have left as much behind */
export function forget({ id, bytes }: { readonly id: string; readonly bytes: number }, workshop: Workshop): void {
  const { models, machine } = workshop;
  const record = models.get(id);
  models.delete(id);
  if (record !== undefined && machine !== undefined) forgetLoaded(machine, record);
  if (record !== undefined) forgetImported(record);
  giveBackSoon(bytes);
}

/** @file A saved folder back to an imported model: the file again, and the weights as they were. */
import { Fault } from "../../engine/index.ts";
import type { ImportedFile } from "./importedFile.ts";
import { type ImportedModel, importOnnx } from "./importOnnx.ts";

/** The record of a file that was imported before; its data are all inside. */
export function reopened({ bytes }: ImportedFile): ImportedModel {
  return importOnnx(new Uint8Array(bytes), (location) => {
    throw new Fault("CHECKPOINT_CORRUPT", `the saved file wants data from \`${location}\``, {
      hint: "the folder was changed; import the original again",
    });
  }).record;
}

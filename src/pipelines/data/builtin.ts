/** @file The datasets that come with the package: each names a file under `data/` and what to make of it. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { decodeSafetensors } from "../files/safetensors.ts";
import { type DatasetSource, defineDataset } from "../registry/define.ts";

/** `data/` at the package's root, found from the sources and from a bundle alike. */
function builtinPath(file: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    const path = join(folder, "data", file);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) {
      throw new Fault("NOT_FOUND", `the package's file data/${file} is missing`, {
        hint: `install ml-sidecar again; looked upwards from ${here}`,
      });
    }
  }
}

/** A CSV file of ours, whose options let a host turn the task around. */
function table(type: string, description: string, target: string): DatasetSource {
  return defineDataset({
    type,
    description,
    options: z.object({ target: z.string().default(target).describe("Name of the column to predict") }),
    load: ({ target }) => ({ csv: { path: builtinPath(`${type}.csv`), target, header: true, delimiter: "," } }),
  });
}

const DIGIT_SHAPES = { flat: [64], image: [1, 8, 8], sequence: [8, 8] } as const;

const digits = defineDataset({
  type: "digits",
  description: "1,797 handwritten digits, 8×8 grey levels from 0 to 16, ten classes",
  options: z.object({
    shape: z
      .enum(["flat", "image", "sequence"])
      .default("flat")
      .describe("A row as 64 numbers, as an image [1, 8, 8], or as a sequence of its 8 lines, [8, 8]"),
    scale: z.enum(["none", "unit"]).default("none").describe("Grey levels as they are, or divided by 16"),
  }),
  async load({ shape, scale }) {
    const path = builtinPath("digits.safetensors");
    const { images, labels } = decodeSafetensors(await readRegularFile(path), path).tensors;
    const rows = images!.shape[0]!;
    const divisor = scale === "unit" ? 16 : 1;
    const pixels = Float32Array.from(images!.data as Uint8Array, (level) => level / divisor);
    return {
      x: { dtype: "F32", shape: [rows, ...DIGIT_SHAPES[shape]], data: pixels },
      y: { dtype: "U8", shape: [rows], data: labels!.data },
    };
  },
});

export const DATASETS: readonly DatasetSource[] = [
  digits,
  table("iris", "150 flowers, 4 lengths in cm, three species", "species"),
  table("wine", "178 wines, 13 chemical analyses, three cultivars", "cultivar"),
  table("breast-cancer", "569 tumours, 30 measures of cell nuclei, malignant or benign", "diagnosis"),
  table("diabetes", "442 patients, 10 measures, progression of the disease after a year", "progression"),
];

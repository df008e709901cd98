/**
 * @file `npm run augment -- digits`: a picture of what augmentation makes of training rows, through the pipeline that trains.
 * One line for each augmentation, the row as it is on the left, then what it becomes in eight epochs. Takes a builtin set, a
 * folder of pictures by class, or an IDX file of images; and, if you like, a list of augmentations as JSON to see together.
 */
import { writeFileSync } from "node:fs";
import { encode } from "fast-png";
import { createReference } from "../src/engine/index.ts";
import { createModel, createRegistry, type Dataset, loadData, parseTrainOptions } from "../src/pipelines/index.ts";
import { orderOf } from "../src/pipelines/model/batches.ts";
import { augmentedBatch, createAugmenter, planAugmentation } from "../src/pipelines/training/augment.ts";
import { prepare } from "../src/pipelines/training/prepare.ts";

const EPOCHS = 8;
const TILE = 56;
const GAP = 6;
const LABEL = 230;
const SEED = 1;

/** Each alone, with options that show on small images; then the usual recipe. */
const SHOWN: Readonly<Record<string, readonly unknown[]>> = {
  randomCrop: [{ type: "randomCrop", padding: 2 }],
  randomResizedCrop: [{ type: "randomResizedCrop", scale: [0.4, 1] }],
  randomHorizontalFlip: ["randomHorizontalFlip"],
  randomVerticalFlip: ["randomVerticalFlip"],
  randomRotation: [{ type: "randomRotation", degrees: 30, interpolation: "bilinear" }],
  randomAffine: [
    {
      type: "randomAffine",
      degrees: 10,
      translate: [0.1, 0.1],
      scale: [0.8, 1.2],
      shear: 15,
      interpolation: "bilinear",
    },
  ],
  colorJitter: [{ type: "colorJitter", brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.2 }],
  randomErasing: [{ type: "randomErasing", p: 1 }],
  cutout: [{ type: "randomErasing", p: 1, scale: [0.1, 0.1], ratio: [1, 1] }],
  gaussianNoise: ["gaussianNoise"],
  mixUp: ["mixUp"],
  cutMix: ["cutMix"],
  "crop, flip, erase": [{ type: "randomCrop", padding: 2 }, "randomHorizontalFlip", "randomErasing"],
};

const registry = createRegistry();
const [source = "digits", list] = process.argv.slice(2);
const dataset = await loadData(referenceOf(source), { registry, handles: {} });
const lines = list === undefined ? SHOWN : { "as asked for": JSON.parse(list) as unknown[] };
const drawn = Object.entries(lines).flatMap(([title, augment], index) => drawLine(dataset, title, augment, index));
const height = Object.keys(lines).length * (TILE + GAP) + GAP;
const width = LABEL + (EPOCHS + 1) * (TILE + GAP);
const path = "augment.svg";
writeFileSync(
  path,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#f4f4f0"/>
${drawn.join("\n")}
</svg>
`,
);
console.log(
  `wrote ${path}: ${Object.keys(lines).length} lines of ${dataset.name}, as they are and in ${EPOCHS} epochs`,
);

function referenceOf(name: string) {
  if (name === "digits") return { builtin: { type: "digits", shape: "image" } };
  if (/ubyte(\.gz)?$/.test(name)) return { idx: { images: name } };
  return registry.datasets.has(name) ? { builtin: name } : { images: { path: name } };
}

/** A title, and the row as it is and as each epoch has it. */
function drawLine(data: Dataset, title: string, augment: readonly unknown[], index: number): string[] {
  const labelled = withTarget(data);
  const record = createModel(registry, { pipeline: "classification", backbone: { type: "mlp" } });
  const options = parseTrainOptions(registry, record, { augment, seed: SEED });
  const control = new Int32Array(new SharedArrayBuffer(4));
  const executor = createReference();
  const context = { registry, executor, record, dataset: labelled, options, control, emit() {}, publish() {} };
  const prepared = prepare(context);
  const plan = planAugmentation(registry.augmentations, prepared.record, prepared.training, prepared.options);
  const row = orderOf(plan.count, SEED, 0, true)[index % plan.count]!;
  const size = plan.facts.shape.reduce((a, b) => a * b);
  const augmenter = createAugmenter(plan, registry.augmentations);
  const tiles: Float32Array[] = [Float32Array.from(plan.values.subarray(row * size, (row + 1) * size))];
  const shares = [1];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const batch = augmentedBatch(1, size);
    augmenter(Int32Array.of(row), epoch, batch);
    tiles.push(batch.features);
    shares.push(batch.shares[0]!);
  }
  const y = GAP + index * (TILE + GAP);
  return [
    `<text x="12" y="${y + TILE / 2 + 5}">${title}</text>`,
    ...tiles.flatMap((tile, place) => {
      const x = LABEL + place * (TILE + GAP);
      const image = `<image x="${x}" y="${y}" width="${TILE}" height="${TILE}" style="image-rendering:pixelated" href="${pictureOf(tile, plan.facts)}"/>`;
      const share = shares[place]!;
      const told = `<text x="${x + 2}" y="${y + TILE - 3}" font-size="10" fill="#e8590c">${share.toFixed(2)}</text>`;
      return share === 1 ? [image] : [image, told];
    }),
  ];
}

/** Images without labels get some, since a pipeline wants a target. */
function withTarget(data: Dataset): Dataset {
  if (data.target !== null) return data;
  const values = new Float64Array(new SharedArrayBuffer(data.rows * 8)).map((_, row) => row % 2);
  const column = { name: "target", kind: "number", shape: [], values, missing: 0 } as const;
  return { ...data, target: "target", columns: [...data.columns, column] };
}

/** Channels, height, width as a PNG in a data address. */
function pictureOf(values: Float32Array, facts: { shape: readonly number[]; low: number; high: number }): string {
  const [channels, height, width] = facts.shape as [number, number, number];
  const plane = height * width;
  const data = Uint8Array.from({ length: values.length }, (_, index) => {
    const value = values[(index % channels) * plane + Math.floor(index / channels)]!;
    return Math.min(255, Math.max(0, Math.round(((value - facts.low) / (facts.high - facts.low)) * 255)));
  });
  return `data:image/png;base64,${Buffer.from(encode({ width, height, channels, depth: 8, data })).toString("base64")}`;
}

/** @file A batch of augmented rows: a function of the rows, the seed, the epoch and which rows, and of nothing else. */
import { Fault, showShape, sizeOf } from "../../engine/index.ts";
import type { Rows } from "../model/batches.ts";
import type { FittedRecord } from "../model/network.ts";
import type { Configured } from "../model/spec.ts";
import { soleTensor } from "../preprocess/preprocessing.ts";
import { createSampleRandom } from "../random.ts";
import type { Augmentation, RowFacts } from "../registry/define.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { TrainOptions } from "./options.ts";

/** All that augmenting needs to know; plain data on shared memory, for whichever thread does it. */
export interface AugmentPlan {
  readonly augment: readonly Configured[];
  readonly facts: RowFacts;
  /** The training rows, raw: count × prod(facts.shape). */
  readonly values: Float32Array | Uint8Array;
  readonly count: number;
  readonly seed: number;
}

/** Where augmented rows are written to, one after the other. */
export interface AugmentedBatch {
  /** rows × prod(shape). */
  readonly features: Float32Array;
  /** The row that each was mixed with; itself where none was. */
  readonly partners: Int32Array;
  /** How much of each is its own. */
  readonly shares: Float32Array;
}

/** Writes some training rows as they are in an epoch (counted from 0). */
export type Augmenter = (rows: Int32Array, epoch: number, into: AugmentedBatch) => void;

type Augmentations = Registry["augmentations"];

/**
 * @param training rows that are still raw.
 * @throws INVALID_PARAMS for a model that takes no tensor, and for an augmentation that cannot change rows of its shape.
 */
export function planAugmentation(
  augmentations: Augmentations,
  record: FittedRecord,
  training: Rows,
  { augment, seed }: Pick<TrainOptions, "augment" | "seed">,
): AugmentPlan {
  const tensor = soleTensor(record.preprocessing);
  if (tensor === undefined) {
    const got = `the columns ${record.preprocessing.columns.map(({ name }) => name).join(", ")}`;
    throw new Fault("INVALID_PARAMS", `\`augment\` changes tensors, but the model takes ${got}`, {
      violations: [{ path: "augment", message: "no tensor to change", expected: "rows of one tensor", got }],
      hint: "leave `augment` out, or give the data as `x` and `y`, `npy`, `idx` or `images`",
    });
  }
  for (const [index, { type }] of augment.entries())
    refuseUnsuitable(find(augmentations, type, `augment[${index}].type`), tensor.shape, index);
  return { augment, facts: factsOf(training, tensor.shape), values: training.features, count: training.count, seed };
}

const RANKS: Readonly<Record<Augmentation["rows"], { readonly ranks: readonly number[]; readonly expected: string }>> =
  {
    image: { ranks: [3], expected: "images [channels, height, width]" },
    sequence: { ranks: [1, 2], expected: "sequences [time] or [time, features]" },
    any: { ranks: [1, 2, 3, 4, 5, 6, 7, 8], expected: "a tensor" },
  };

function refuseUnsuitable({ type, rows }: Augmentation, shape: readonly number[], index: number): void {
  const { ranks, expected } = RANKS[rows];
  if (ranks.includes(shape.length)) return;
  const got = showShape(shape);
  throw new Fault(
    "INVALID_PARAMS",
    `\`augment[${index}]\`: \`${type}\` changes ${expected}, but rows have shape ${got}`,
    {
      violations: [{ path: `augment[${index}].type`, message: "does not fit the rows", expected, got }],
      hint:
        rows === "image"
          ? 'give images with their channels, such as {"builtin": {"type": "digits", "shape": "image"}}'
          : "see `runtime.catalog` for what each augmentation changes",
    },
  );
}

/** Missing values aside. */
function factsOf({ features: values }: Rows, shape: readonly number[]): RowFacts {
  const width = sizeOf(shape);
  const channels = shape.length === 3 ? shape[0]! : shape.length === 1 ? 1 : shape.at(-1)!;
  const channelOf = Int32Array.from({ length: width }, (_, element) =>
    shape.length === 3 ? Math.floor(element / (width / channels)) : element % channels,
  );
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const counts = new Float64Array(channels);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let start = 0; start < values.length; start += width) {
    for (let element = 0; element < width; element++) {
      const value = values[start + element]!;
      if (Number.isNaN(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
      const channel = channelOf[element]!;
      sums[channel]! += value;
      squares[channel]! += value * value;
      counts[channel]! += 1;
    }
  }
  if (values instanceof Uint8Array) [low, high] = [0, 255];
  const deviations = Array.from(sums, (sum, channel) => {
    const mean = sum / Math.max(1, counts[channel]!);
    return Math.sqrt(Math.max(0, squares[channel]! / Math.max(1, counts[channel]!) - mean * mean));
  });
  return { shape, low, high, deviations };
}

const NOBODY = new Float32Array(0);
/** Drawn from for whom to mix with, and how; changes draw from stages 0, 1, 2 … */
const MIXING = 0xffff;

/** Whether rows come out with two targets. */
export function mixes({ augmentations }: Pick<Registry, "augmentations">, augment: readonly Configured[]): boolean {
  return augment.some(({ type }) => find(augmentations, type, "augment").mixes === true);
}

export function createAugmenter(
  { augment, facts, values, count, seed }: AugmentPlan,
  augmentations: Augmentations,
): Augmenter {
  const width = sizeOf(facts.shape);
  const prepared = augment.map((configured, index) => {
    const definition = find(augmentations, configured.type, `augment[${index}].type`);
    return { isMixing: definition.mixes === true, change: definition.prepare(facts, optionsOf(configured)) };
  });
  const changes = prepared.filter(({ isMixing }) => !isMixing).map(({ change }) => change);
  const mixings = prepared.filter(({ isMixing }) => isMixing).map(({ change }) => change);
  const own = new Float32Array(width);
  const partner = new Float32Array(width);

  const changed = (row: number, epoch: number, into: Float32Array): void => {
    into.set(values.subarray(row * width, (row + 1) * width));
    for (const [stage, change] of changes.entries()) change(into, createSampleRandom(seed, epoch, row, stage), NOBODY);
  };

  return (rows, epoch, { features, partners, shares }) => {
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      changed(row, epoch, own);
      partners[index] = row;
      shares[index] = 1;
      if (mixings.length > 0) {
        const random = createSampleRandom(seed, epoch, row, MIXING);
        const mix = mixings[random.integer(mixings.length)]!;
        partners[index] = random.integer(count);
        changed(partners[index]!, epoch, partner);
        shares[index] = mix(own, random, partner) ?? 1;
      }
      features.set(own, index * width);
    }
  };
}

/** Room for a batch, on shared memory. */
export function augmentedBatch(rows: number, width: number): AugmentedBatch {
  return {
    features: new Float32Array(new SharedArrayBuffer(rows * width * 4)),
    partners: new Int32Array(new SharedArrayBuffer(rows * 4)),
    shares: new Float32Array(new SharedArrayBuffer(rows * 4)),
  };
}

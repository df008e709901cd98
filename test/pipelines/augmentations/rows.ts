/** @file Rows to try augmentations on, and one augmentation applied as training applies it. */
import { createRegistry } from "../../../src/pipelines/index.ts";
import { createSampleRandom } from "../../../src/pipelines/random.ts";
import type { RowFacts } from "../../../src/pipelines/registry/define.ts";
import { find, optionsOf, parseConfigured } from "../../../src/pipelines/registry/parse.ts";

export const { augmentations } = createRegistry();

/** Pixels 1, 2, 3 …, so that each tells where it came from. */
export function counted(shape: readonly number[]): Float32Array {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => index + 1);
}

export const FACTS: RowFacts = { shape: [1, 4, 5], low: 0, high: 255, deviations: [1] };

export type Wish = Readonly<Record<string, unknown>> & { readonly type: string };

/** What becomes of a row as sample `sample`, and what the augmentation answered. */
export function augmented(
  wish: Wish,
  row: Float32Array,
  facts: Partial<RowFacts> = {},
  sample = 0,
  partner: Float32Array = new Float32Array(0),
): { row: Float32Array; share: number | undefined } {
  const configured = parseConfigured(augmentations, wish, "augment[0]", "none");
  const change = find(augmentations, configured.type, "augment[0]").prepare(
    { ...FACTS, ...facts },
    optionsOf(configured),
  );
  const changed = row.slice();
  const share = change(changed, createSampleRandom(7, 0, sample, 0), partner);
  return { row: changed, share: share ?? undefined };
}

/** The same over many samples. */
export function samples(count: number, wish: Wish, row: Float32Array, facts: Partial<RowFacts> = {}): Float32Array[] {
  return Array.from({ length: count }, (_, sample) => augmented(wish, row, facts, sample).row);
}

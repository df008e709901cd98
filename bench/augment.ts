/**
 * @file What loading and augmenting cost a training: `resnet8` on two threads, its step while rows are cropped and flipped ahead
 * of it, beside the same step on rows as they are. From the sources, since the thread that makes batches stands in dist/.
 *
 * usage: augment.ts          prints the second time divided by the first, the share of the step's rate that is left
 */
import { createMachine } from "../src/engine/index.ts";
import { createModel, createRegistry, loadData, parseTrainOptions } from "../src/pipelines/index.ts";
import { orderOf } from "../src/pipelines/model/batches.ts";
import { emptySums } from "../src/pipelines/model/score.ts";
import { createRandom } from "../src/pipelines/random.ts";
import { prepare } from "../src/pipelines/training/prepare.ts";
import { openSession } from "../src/pipelines/training/session.ts";
import { median } from "./statistics.ts";

const THREADS = 2;
const ROWS = 2048;
const SHAPE = [3, 32, 32];
const BATCH = 64;
const ROUNDS = 9;
const STEPS_A_ROUND = 6;
const RECIPE = ["randomCrop", "randomHorizontalFlip"];

const registry = createRegistry();
const random = createRandom(1, "images");
const bytes = SHAPE.reduce((product, size) => product * size, ROWS);
const dataset = await loadData(
  {
    x: { dtype: "U8", shape: [ROWS, ...SHAPE], data: Uint8Array.from({ length: bytes }, () => random.integer(256)) },
    y: { dtype: "I32", shape: [ROWS], data: Int32Array.from({ length: ROWS }, (_, row) => row % 10) },
  },
  { registry, handles: {} },
);

/** A training under way; each call is one step, as the training loop does it. */
function training(augment: readonly string[]): () => void {
  const record = createModel(registry, {
    pipeline: "classification",
    backbone: { type: "resnet", depth: 8 },
  });
  const options = parseTrainOptions(registry, record, { augment, batchSize: BATCH, seed: 1 });
  const executor = createMachine({ threads: THREADS });
  const control = new Int32Array(new SharedArrayBuffer(4));
  const context = { registry, executor, record, dataset, options, control, emit() {}, publish() {} };
  const session = openSession(executor, registry, prepare(context), () => {});
  const batchesPerEpoch = ROWS / BATCH;
  let [done, order] = [0, orderOf(ROWS, 1, 0, true)];
  return () => {
    if (done > 0 && done % batchesPerEpoch === 0) order = orderOf(ROWS, 1, done / batchesPerEpoch, true);
    const moment = { step: done + 1, learningRate: 1e-3, factor: 1, share: 0, batches: done };
    session.runBatch(order, (done % batchesPerEpoch) * BATCH, emptySums(), moment);
    done++;
  };
}

function milliseconds(step: () => void): number {
  const started = performance.now();
  for (let count = 0; count < STEPS_A_ROUND; count++) step();
  return (performance.now() - started) / STEPS_A_ROUND;
}

const [plain, augmented] = [training([]), training(RECIPE)];
for (const step of [plain, augmented]) milliseconds(step);
const rounds = Array.from({ length: ROUNDS }, () => ({
  plain: milliseconds(plain),
  augmented: milliseconds(augmented),
}));
console.log(JSON.stringify({ value: median(rounds.map((times) => times.plain / times.augmented)) }));
process.exit(0);

/**
 * @file Files that came in by `models.import`, as `predict` runs them: by our engine, and by onnxruntime in its process of its
 * own; and which of the two `executor: "auto"` keeps. One thread each, rounds in turn.
 *
 * usage: onnx.ts CASE [CASE …]     prints {"name", "engine", "onnxruntime", "ratio", "auto"} for each
 */
import { createMachine, sizeOf } from "../src/engine/index.ts";
import { executeImported } from "../src/pipelines/imported/execute.ts";
import { type ImportedModel, importOnnx } from "../src/pipelines/imported/importOnnx.ts";
import type { Network } from "../src/pipelines/networks.ts";
import { FROM_SEED } from "../src/pipelines/runNetwork.ts";
import { ONNX_CASES, type OnnxCase } from "./cases.ts";
import { FORWARD, fileOf } from "./forward.ts";
import { median } from "./statistics.ts";

const ROUNDS = 9;
const ROUND_MILLISECONDS = 120;

/** Rows of the network's own, over and over. */
function feedsFor(network: Network, batch: number) {
  const [own = 1, ...shape] = network.x;
  const values = FROM_SEED.x(network);
  const row = sizeOf(shape);
  const at = (index: number): number => values[index % (own * row)]!;
  const data = Array.from({ length: batch * row }, (_, index) => at(index));
  const full = [batch, ...shape];
  return network.vocabulary === undefined
    ? { x: { dtype: "F32" as const, shape: full, data: Float32Array.from(data) } }
    : { x: { dtype: "I32" as const, shape: full, data: Int32Array.from(data) } };
}

/** Mean milliseconds of runs for about so long. */
async function timeFor(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let runs = 0;
  do {
    await run();
    runs++;
  } while (performance.now() - start < ROUND_MILLISECONDS);
  return (performance.now() - start) / runs;
}

async function measure({ name, network, batch }: OnnxCase): Promise<object> {
  const { record } = importOnnx(fileOf(FORWARD[network]!), () => new Uint8Array());
  const context = { executor: createMachine({ threads: 1 }), record: record as ImportedModel };
  const feeds = feedsFor(FORWARD[network]!, batch);
  const { executor: auto } = await executeImported(context, feeds, "auto");
  const times = { engine: [] as number[], onnxruntime: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const executor of ["engine", "onnxruntime"] as const) {
      times[executor].push(await timeFor(() => executeImported(context, feeds, executor)));
    }
  }
  const ratio = median(times.engine.map((ours, round) => times.onnxruntime[round]! / ours));
  return { name, engine: median(times.engine), onnxruntime: median(times.onnxruntime), ratio, auto };
}

for (const name of process.argv.slice(2)) {
  const found = ONNX_CASES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  console.log(JSON.stringify(await measure(found)));
}
process.exit();

/**
 * @file The forward passes in onnxruntime, on files that our own exporter writes. Reads lines like
 * {"case":"lenet-forward","steps":10}, answers {"milliseconds":2.1}, a step's mean.
 *
 * usage: onnxruntime_cases.ts THREADS
 */
import { createInterface } from "node:readline";
import { findOnnxruntime, openOnnx } from "../../src/engine/index.ts";
import type { Network } from "../../src/pipelines/networks.ts";
import { FROM_SEED } from "../../src/pipelines/runNetwork.ts";
import { FORWARD, fileOf } from "../forward.ts";

const threads = Number(process.argv[2] ?? 1);
const answer = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function build(network: Network): Promise<() => Promise<unknown>> {
  const session = await openOnnx(fileOf(network), { threads });
  const values = FROM_SEED.x(network);
  const x =
    network.vocabulary === undefined
      ? { dtype: "F32" as const, shape: network.x, data: Float32Array.from(values) }
      : { dtype: "I32" as const, shape: network.x, data: Int32Array.from(values) };
  return () => session.run({ x });
}

const presence = findOnnxruntime();
if ("missing" in presence) throw new Error(presence.missing);
answer({ name: `onnxruntime ${presence.version}` });
const steps = new Map<string, () => Promise<unknown>>();
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as { case: string; steps: number };
  const step = steps.get(order.case) ?? (await build(FORWARD[order.case]!));
  steps.set(order.case, step);
  const start = performance.now();
  for (let count = 0; count < order.steps; count++) await step();
  answer({ milliseconds: (performance.now() - start) / order.steps });
}

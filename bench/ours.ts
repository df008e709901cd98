/**
 * @file The engine's cases as a contender, like the peers: reads lines like {"case":"mlp-small","steps":100}, answers
 * {"milliseconds":0.08,"flops":1790000}, a step's mean and its estimated operations.
 *
 * usage: ours.ts THREADS
 */
import { createInterface } from "node:readline";
import packageJson from "../package.json" with { type: "json" };
import { type BuiltCase, engineCases } from "./engine.ts";

const threads = Number(process.argv[2] ?? 1);
const answer = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);
const built = new Map<string, BuiltCase>();

function find(name: string): BuiltCase {
  const known = built.get(name) ?? engineCases.find((each) => each.name === name)?.build({ threads });
  if (known === undefined) throw new Error(`the engine has no case ${name}`);
  built.set(name, known);
  return known;
}

answer({ name: `ml-sidecar ${packageJson.version} on Node ${process.versions.node}` });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as { case: string; steps: number };
  const { step, program } = find(order.case);
  const start = performance.now();
  for (let count = 0; count < order.steps; count++) step();
  answer({ milliseconds: (performance.now() - start) / order.steps, flops: program.flops });
}

/**
 * @file The figures of the engine that have a limit, one a process, so that none profits from what another warmed up.
 *
 * usage: limits.ts NAME          prints {"value": 17.2}
 */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { createMachine } from "../src/engine/index.ts";
import { gpt, NETWORK_NAMES, NETWORKS, type NetworkName } from "../src/pipelines/networks.ts";
import { type RunningNetwork, runForward, trainNetwork } from "../src/pipelines/runNetwork.ts";
import { rehearse } from "../src/sidecar/rehearse.ts";
import type { LimitName } from "./cases.ts";
import { FORWARD } from "./forward.ts";
import { median } from "./statistics.ts";

const WARM_UP_MILLISECONDS = 400;
const ROUND_MILLISECONDS = 150;
const ROUNDS = 9;

function compileMilliseconds(name: NetworkName): number {
  const training = trainNetwork(NETWORKS[name], createMachine());
  training.close();
  return training.compileMilliseconds;
}

/** Mean milliseconds of a step, over steps for about so long. */
function timeFor(milliseconds: number, { step }: RunningNetwork): number {
  const started = performance.now();
  let steps = 0;
  do {
    step();
    steps++;
  } while (performance.now() - started < milliseconds);
  return (performance.now() - started) / steps;
}

/** How many times longer the second takes than the first: the median of rounds in turn. */
function slowdown(first: RunningNetwork, second: RunningNetwork): number {
  for (const each of [first, second]) timeFor(WARM_UP_MILLISECONDS, each);
  const ratios = Array.from({ length: ROUNDS }, () => {
    const [a, b] = [first, second].map((each) => timeFor(ROUND_MILLISECONDS, each)) as [number, number];
    return b / a;
  });
  return median(ratios);
}

/** Its speed on four times as many threads as there are cores, to that on as many. */
async function crowdedSpeed(name: NetworkName): Promise<number> {
  const cores = availableParallelism();
  const [few, many] = [cores, 4 * cores].map((threads) =>
    trainNetwork(NETWORKS[name], createMachine({ threads, oversubscribe: true })),
  );
  await setTimeout(300); // until the threads are up
  const ratio = 1 / slowdown(few!, many!);
  for (const each of [few!, many!]) each.close();
  return ratio;
}

/** Of a program: bytes of working memory, and the largest sum of what is alive at one step, as its plan says. */
function workingMemory({ program }: RunningNetwork): { planned: number; least: number } {
  const units: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const [, planned, unit, least, leastUnit] =
    /([\d.]+) (\w+) of working memory \(at least ([\d.]+) (\w+)/.exec(program.explain()) ?? [];
  return { planned: Number(planned) * units[unit!]!, least: Number(least) * units[leastUnit!]! };
}

function arenaRatio(name: NetworkName): number {
  const training = trainNetwork(NETWORKS[name], createMachine());
  const { planned, least } = workingMemory(training);
  training.close();
  return planned / least;
}

function checkpointed<Result>(compare: (plain: RunningNetwork, checkpointed: RunningNetwork) => Result): Result {
  const [plain, again] = [false, true].map((checkpointing) => trainNetwork(gpt(checkpointing), createMachine()));
  const result = compare(plain!, again!);
  for (const each of [plain!, again!]) each.close();
  return result;
}

/** In a process of its own, from the sources: see there. */
function augmentedRate(): number {
  const told = execFileSync(process.execPath, ["--import", "tsx", "bench/augment.ts"], { encoding: "utf8" });
  return (JSON.parse(told) as { value: number }).value;
}

const MEASURES: Readonly<Record<LimitName, () => number | Promise<number>>> = {
  "compile-mlp-small": () => compileMilliseconds("mlp-small"),
  "compile-rehearsed": () => {
    rehearse(createMachine);
    return compileMilliseconds("mlp-small");
  },
  "compile-resnet8": () => compileMilliseconds("resnet8"),
  "compile-gpt": () => compileMilliseconds("gpt"),
  "compile-again": () => [compileMilliseconds("gpt"), compileMilliseconds("gpt")][1]!,
  "policy-call": () => {
    const policy = runForward(FORWARD.policy!, createMachine());
    timeFor(WARM_UP_MILLISECONDS, policy);
    return median(Array.from({ length: ROUNDS }, () => timeFor(ROUND_MILLISECONDS, policy)));
  },
  "crowded-mlp-mnist": () => crowdedSpeed("mlp-mnist"),
  "crowded-mlp-wide": () => crowdedSpeed("mlp-wide"),
  "crowded-resnet8": () => crowdedSpeed("resnet8"),
  arena: () => Math.max(...NETWORK_NAMES.map(arenaRatio)),
  "checkpointing-memory": () =>
    checkpointed((plain, again) => workingMemory(again).planned / workingMemory(plain).planned),
  "checkpointing-time": () => checkpointed(slowdown),
  augment: augmentedRate,
};

const name = process.argv[2] as LimitName;
console.log(JSON.stringify({ value: await MEASURES[name]() }));
process.exit(0);

/**
 * @file `npm run bench [-- case or group ...]`: measures the cases here and in the peers, in turn, and prints one report.
 * A peer that cannot be had is left out with a line that says so.
 */
import { spawnSync } from "node:child_process";
import { bundled } from "./bundle.ts";
import {
  GROUPS,
  LEARNING_CASES,
  LIMIT_CASES,
  type LimitCase,
  ONNX_CASES,
  type OnnxCase,
  QUANTIZED_CASES,
  RATE_CASES,
  STEP_CASES,
  type StepCase,
  WIRE_CASES,
} from "./cases.ts";
import { type Contender, type ContenderCommand, startContender } from "./contender.ts";
import { peakOfOneCore } from "./peak.ts";
import { learningPython, PEERS, type Peer } from "./peers.ts";
import {
  busyShare,
  type LimitFigure,
  machine,
  type OnnxFigure,
  type RateFigure,
  type Report,
  type StepFigure,
  save,
  table,
} from "./report.ts";
import { timeSteps } from "./steps.ts";

/** From this share on, what others do shows in the figures. */
const BUSY = 0.1;

const known = [
  ...STEP_CASES,
  ...RATE_CASES,
  ...LIMIT_CASES,
  ...WIRE_CASES,
  ...LEARNING_CASES,
  ...ONNX_CASES,
  ...QUANTIZED_CASES,
].map(({ name }) => name);
const wanted = wantedCases(process.argv.slice(2));
const leftOut: string[] = [];
const names = new Set<string>();
const before = await busyShare();
const peak = await peakOfOneCore();
const steps = await stepFigures();
const learning = await learningFigures();
const limits = [...(await limitFigures()), ...wireFigures(), ...quantizedFigures(), ...learning.limits];
const files = onnxFigures();
const busy = [before, await busyShare()] as const;
console.log(`\n${table({ steps, rates: learning.rates, limits, files })}`);
if (Math.max(...busy) > BUSY) {
  const [first, last] = busy.map((share) => `${Math.round(share * 100)} %`);
  console.log(`\nOthers used ${first} of this machine before and ${last} after: these figures are not to be trusted.`);
}
for (const reason of leftOut) console.log(`left out: ${reason}`);
const report: Report = {
  when: new Date().toISOString(),
  machine: machine(),
  busy,
  peak,
  contenders: [...names],
  leftOut,
  steps,
  rates: learning.rates,
  limits,
  files,
};
console.log(
  `\n${report.machine.cpu}, ${report.machine.cores} cores, Node ${report.machine.node}; ${report.contenders.join(", ")}`,
);
if (peak !== null) console.log(`128-bit arithmetic gives ${peak.toFixed(1)} GFLOP/s on one core`);
console.log(`written to ${await save(report)}`);

function wantedCases(args: readonly string[]): ReadonlySet<string> {
  const cases = args.flatMap((arg) => GROUPS[arg] ?? [arg]);
  const unknown = cases.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(
      `no such case: ${unknown.join(", ")}. Cases: ${known.join(", ")}; groups: ${Object.keys(GROUPS).join(", ")}`,
    );
    process.exit(2);
  }
  return new Set(cases.length > 0 ? cases : known);
}

async function stepFigures(): Promise<StepFigure[]> {
  const cases = STEP_CASES.filter(({ name }) => wanted.has(name));
  if (cases.length === 0) return [];
  const peers = await readyPeers(new Set(cases.flatMap((each) => each.peers)));
  const figures: StepFigure[] = [];
  for (const threads of new Set(cases.flatMap((each) => each.threads))) {
    const ours = await startContender({
      command: process.execPath,
      args: ["--import", "tsx", "bench/ours.ts", String(threads)],
    });
    names.add(ours.name);
    const theirs = await startAll(peers, threads);
    for (const each of cases.filter((each) => each.threads.includes(threads))) {
      console.error(`${each.name}, ${threads} thread${threads === 1 ? "" : "s"} …`);
      const having = [...theirs].filter(([{ key }]) => each.peers.includes(key));
      figures.push(await stepFigure(each, threads, ours, new Map(having)));
    }
    for (const contender of [ours, ...theirs.values()]) contender.close();
  }
  return figures.toSorted((a, b) => known.indexOf(a.case) - known.indexOf(b.case));
}

async function stepFigure(
  each: StepCase,
  threads: number,
  ours: Contender,
  theirs: ReadonlyMap<Peer, Contender>,
): Promise<StepFigure> {
  const [own, ...others] = await timeSteps(each.name, [ours, ...theirs.values()]);
  const peers = [...theirs].map(([peer, { name }], index) => {
    const { milliseconds, ratio } = others[index]!;
    return [name, { milliseconds, ratio, goal: each.goals[peer.key] ?? null }] as const;
  });
  const { milliseconds, flops } = own!;
  const gflops = flops === null ? null : flops / milliseconds / 1e6;
  return {
    case: each.name,
    what: each.what,
    threads,
    milliseconds,
    gflops,
    shareOfPeak: gflops === null || peak === null ? null : gflops / peak / threads,
    gflopsGoal: threads === 1 ? (each.rate ?? null) : null,
    peers: Object.fromEntries(peers),
  };
}

async function readyPeers(keys: ReadonlySet<Peer["key"]>): Promise<Peer[]> {
  const ready: Peer[] = [];
  for (const peer of PEERS.filter(({ key }) => keys.has(key))) {
    try {
      await peer.prepare();
      ready.push(peer);
    } catch (error) {
      leftOut.push(`${peer.label} cannot be installed: ${firstLine(error)}`);
    }
  }
  return ready;
}

async function startAll(peers: readonly Peer[], threads: number): Promise<Map<Peer, Contender>> {
  const started = new Map<Peer, Contender>();
  for (const peer of peers) {
    const contender = await start(peer, peer.command(Math.min(threads, peer.maxThreads)));
    if (contender !== undefined) started.set(peer, contender);
  }
  return started;
}

async function start(peer: Peer, command: ContenderCommand): Promise<Contender | undefined> {
  try {
    const contender = await startContender(command);
    names.add(contender.name);
    return contender;
  } catch (error) {
    leftOut.push(`${peer.label} does not start: ${firstLine(error)}`);
    return undefined;
  }
}

/** Lines of JSON that a child prints; what goes wrong is left out with a word. */
function askChild<Answer>(what: string, command: string, args: readonly string[], env = {}): Answer[] {
  const { stdout, stderr, error, status } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (error !== undefined || status !== 0)
    leftOut.push(`${what}: ${error?.message ?? stderr.trim().split("\n").at(-1)}`);
  return (stdout ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Answer);
}

async function limitFigures(): Promise<LimitFigure[]> {
  const cases = LIMIT_CASES.filter(({ name }) => wanted.has(name));
  if (cases.length === 0) return [];
  const script = await bundled("bench/limits.ts");
  return cases.flatMap((each) => {
    console.error(`${each.name} …`);
    return askChild<{ value: number }>(each.name, process.execPath, [script, each.name]).map(({ value }) => ({
      ...each,
      value,
    }));
  });
}

function onnxFigures(): OnnxFigure[] {
  const cases: readonly OnnxCase[] = ONNX_CASES.filter(({ name }) => wanted.has(name));
  if (cases.length === 0) return [];
  console.error("imported files, by each executor …");
  const args = ["--import", "tsx", "bench/onnx.ts", ...cases.map(({ name }) => name)];
  const answers = askChild<Omit<OnnxFigure, keyof OnnxCase> & { name: string }>(
    "imported files",
    process.execPath,
    args,
  );
  return cases.flatMap((each) => {
    const answer = answers.find(({ name }) => name === each.name);
    return answer === undefined ? [] : [{ ...each, ...answer }];
  });
}

function quantizedFigures(): LimitFigure[] {
  const cases = QUANTIZED_CASES.filter(({ name }) => wanted.has(name));
  if (cases.length === 0) return [];
  console.error("files in integers …");
  const args = ["--import", "tsx", "bench/quantized.ts", ...cases.map(({ name }) => name)];
  const answers = askChild<{ name: string; value: number }>("files in integers", process.execPath, args);
  return cases.flatMap((each) => {
    const answer = answers.find(({ name }) => name === each.name);
    return answer === undefined ? [] : [{ ...each, value: answer.value }];
  });
}

function wireFigures(): LimitFigure[] {
  const cases: readonly LimitCase[] = WIRE_CASES.filter(({ name }) => wanted.has(name));
  if (cases.length === 0) return [];
  console.error("the wire, from Python …");
  const python = process.env.PYTHON ?? "python3";
  const args = ["bench/wire.py", ...cases.map(({ name }) => name)];
  const answers = askChild<{ case: string; milliseconds: number }>("the wire", python, args, {
    PYTHONPATH: "clients/python/src",
  });
  return cases.flatMap((each) => {
    const answer = answers.find(({ case: name }) => name === each.name);
    return answer === undefined ? [] : [{ ...each, value: answer.milliseconds }];
  });
}

/** Without Stable-Baselines3 what is measured of us alone still is. */
async function learningFigures(): Promise<{ rates: RateFigure[]; limits: LimitFigure[] }> {
  const alone = LEARNING_CASES.filter(({ name }) => wanted.has(name));
  const compared = RATE_CASES.filter(({ name }) => wanted.has(name));
  const ask = (python: string, names: readonly string[]) => {
    if (names.length === 0) return [];
    console.error(`${names.join(", ")} …`);
    return askChild<Partial<RateFigure> & { case: string; milliseconds?: number }>(
      "learning by acting",
      python,
      ["bench/rl.py", ...names],
      { PYTHONPATH: "clients/python/src" },
    );
  };
  const limits = ask(
    process.env.PYTHON ?? "python3",
    alone.map(({ name }) => name),
  ).map(({ milliseconds }, index) => ({ ...alone[index]!, value: milliseconds! }));
  if (compared.length === 0) return { rates: [], limits };
  const python = await learningPython().catch((error: unknown) => {
    leftOut.push(`Stable-Baselines3 cannot be installed: ${firstLine(error)}`);
    return null;
  });
  if (python === null) return { rates: [], limits };
  names.add("Stable-Baselines3 2.9.2");
  const answers = ask(
    python,
    compared.map(({ name }) => name),
  );
  const rates = compared.flatMap((each) => {
    const answer = answers.find((other) => other.case === each.name);
    return answer === undefined ? [] : [{ ...each, ...(answer as Pick<RateFigure, "ours" | "theirs" | "ratio">) }];
  });
  return { rates, limits };
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}

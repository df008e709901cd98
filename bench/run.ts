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
  WIRE_CASES,
} from "./cases.ts";
import { compareSteps } from "./compare.ts";
import { peakOfOneCore } from "./peak.ts";
import { learningPython } from "./peers.ts";
import {
  busyShare,
  type LimitFigure,
  machine,
  type OnnxFigure,
  type RateFigure,
  type Report,
  save,
  table,
} from "./report.ts";

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
const compared = await compareSteps(
  STEP_CASES.filter(({ name }) => wanted.has(name)),
  peak,
);
for (const name of compared.contenders) names.add(name);
leftOut.push(...compared.leftOut);
const { steps } = compared;
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

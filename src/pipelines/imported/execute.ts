/** @file By what an imported file is run: our engine, onnxruntime, or whichever of the two was faster when both were tried. */
import {
  closeKept,
  type Executor,
  Fault,
  findOnnxruntime,
  type NdArray,
  runKept,
  type TypedArray,
} from "../../engine/index.ts";
import type { ModelRecord } from "../model/record.ts";
import { closeFile, openFile } from "./importedFile.ts";
import { type ImportedModel, isImported } from "./importOnnx.ts";
import { elementTypeOf, wireDType } from "./ports.ts";
import { type Feeds, namedFeeds, predictImported } from "./predictImported.ts";
import { writeWhole } from "./writeBack.ts";

export const EXECUTORS = ["engine", "onnxruntime", "auto"] as const;
export type ExecutorName = (typeof EXECUTORS)[number];
type Chosen = Exclude<ExecutorName, "auto">;

export interface Executed {
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly executor: Chosen;
}

interface Context {
  readonly executor: Executor;
  readonly record: ImportedModel;
}

/** Runs measured of each, after one that is not. */
const TRIALS = 3;
const FASTEST_KEPT = 64;
/** What `auto` found, by file and shapes. */
const fastest = new Map<string, Chosen>();

const RUN: Readonly<Record<Chosen, (context: Context, feeds: Feeds) => Promise<Executed["outputs"]>>> = {
  engine: async (context, feeds) => predictImported(context, feeds),
  async onnxruntime({ record }, feeds) {
    const { opened } = openFile(record.imported);
    const outputs = await runKept(
      keyOf(record),
      () => writeWhole(record),
      typed(namedFeeds(opened, feeds), opened.inputs),
    );
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, value.dtype === "STRING" ? [...value.data] : value]),
    );
  },
};

/** Of a file with the weights that it has now. */
const keyOf = ({ imported, weights }: ImportedModel): string =>
  `${imported.sha256}.${weights!.lineage}.${weights!.version}`;

/** Lets go of what is kept of an imported file, to run it or to train on it. */
export function forgetImported(record: ModelRecord): void {
  if (record.imported !== undefined) closeFile(record.imported);
  if (isImported(record)) closeKept(keyOf(record));
}

/** @throws Fault NOT_FOUND where onnxruntime is asked for and not there; otherwise those of the executor chosen */
export async function executeImported(context: Context, feeds: Feeds, asked: ExecutorName): Promise<Executed> {
  const executor = asked === "auto" ? await choose(context, feeds) : asked;
  return { outputs: await RUN[executor](context, feeds), executor };
}

async function choose(context: Context, feeds: Feeds): Promise<Chosen> {
  if ("missing" in findOnnxruntime()) return "engine";
  const { imported } = context.record;
  const named = namedFeeds(openFile(imported).opened, feeds);
  const key = `${imported.sha256}${Object.values(named).map(({ shape }) => `[${shape.join()}]`)}`;
  const known = fastest.get(key);
  if (known !== undefined) return known;
  const ours = await timeOf("engine", context, feeds);
  const theirs = await timeOf("onnxruntime", context, feeds);
  if ("refusal" in ours && "refusal" in theirs) throw refusedByBoth(ours.refusal, theirs.refusal);
  const chosen = timeIn(theirs) < timeIn(ours) ? "onnxruntime" : "engine";
  fastest.set(key, chosen);
  if (fastest.size > FASTEST_KEPT) fastest.delete(fastest.keys().next().value!);
  return chosen;
}

/** Milliseconds of the best run, or why there was none. */
type Trial = { readonly best: number } | { readonly refusal: Fault };

const timeIn = (trial: Trial): number => ("best" in trial ? trial.best : Number.POSITIVE_INFINITY);

/** What the engine says of it, but for the hint to ask the other one. */
function refusedByBoth({ reason, message, violations, context }: Fault, theirs: Fault): Fault {
  return new Fault(reason, message, {
    violations,
    hint: `onnxruntime refuses it, too: ${theirs.message}`,
    ...(context && { context }),
  });
}

async function timeOf(executor: Chosen, context: Context, feeds: Feeds): Promise<Trial> {
  try {
    await RUN[executor](context, feeds);
    let best = Number.POSITIVE_INFINITY;
    for (let trial = 0; trial < TRIALS; trial++) {
      const start = performance.now();
      await RUN[executor](context, feeds);
      best = Math.min(best, performance.now() - start);
    }
    return { best };
  } catch (refusal) {
    if (refusal instanceof Fault) return { refusal };
    throw refusal;
  }
}

/** In the element types that the file declares, to which onnxruntime holds. */
function typed(
  feeds: Readonly<Record<string, NdArray>>,
  ports: readonly { readonly name: string; readonly elemType: number }[],
): Record<string, NdArray> {
  return Object.fromEntries(
    ports.map(({ name, elemType }): [string, NdArray] => {
      const { shape, data } = feeds[name]!;
      elementTypeOf(name, elemType);
      const dtype = wireDType(elemType) as NdArray["dtype"];
      return [name, { dtype, shape, data: numbersFor(dtype, data) }];
    }),
  );
}

/** 64-bit integers are BigInts in JavaScript, which convert to and from numbers only when told to. */
function numbersFor(dtype: NdArray["dtype"], data: TypedArray): TypedArray {
  const isWide = data instanceof BigInt64Array;
  if (dtype === "I64") return isWide ? data : BigInt64Array.from(data as Int32Array, BigInt);
  return isWide ? Float64Array.from(data, Number) : data;
}

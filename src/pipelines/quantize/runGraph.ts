/** @file An ONNX model run on our engine for any of its values, a batch of rows at a time. */
import {
  type Executor,
  factsOf,
  type ModelProto,
  type NdArray,
  openModel,
  type Program,
  pruned,
  type Shape,
  type State,
  sizeOf,
  type Traced,
  trace,
} from "../../engine/index.ts";
import { elementTypeOf } from "../imported/ports.ts";
import { runWhole } from "../model/whole.ts";

/** By input; integers as 32-bit ones. */
export type Feeds = Readonly<Record<string, NdArray>>;

interface TracedGraph {
  readonly traced: Traced;
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly weights: Readonly<Record<string, NdArray>>;
}

/** With its weights as states under their own names, and the values wanted as outputs. */
function traceGraph(model: ModelProto, names: readonly string[], feeds: Feeds): TracedGraph {
  const opened = openModel({ ...model, graph: pruned(model.graph!, names) });
  const weights: Record<string, NdArray> = {};
  const shapes: Record<string, Shape> = {};
  const traced = trace((t) => {
    const inputs = opened.inputs.map(({ name, elemType }) => {
      const { computed } = factsOf(elementTypeOf(name, elemType));
      return [name, t.input(name, { dtype: computed, shape: feeds[name]!.shape })] as const;
    });
    const values = opened.raise(t, Object.fromEntries(inputs), (name, value) => {
      weights[name] = { ...value, dtype: "F32", data: Float32Array.from(value.data as Float32Array) };
      return t.state(name, { dtype: "F32", shape: value.shape });
    });
    const outputs = Object.entries(values).map(([name, { tensor }]) => {
      shapes[name] = tensor.shape;
      return [`=${name}`, tensor] as const;
    });
    return { outputs: Object.fromEntries(outputs) };
  });
  return { traced, shapes, weights };
}

/** What is drawn at random has no other value to be compared with, nor has what follows from it. */
const isRandom = (opType = ""): boolean => opType.startsWith("Random");

/** Values of a graph that our engine can compute: what nodes give first, unless chance decides it. */
export function computedValues({ graph }: ModelProto): string[] {
  const random = new Set<string>();
  const names: string[] = [];
  for (const { opType, input = [], output = [] } of graph!.node ?? []) {
    if (isRandom(opType) || input.some((name) => random.has(name))) for (const name of output) random.add(name);
    else if ((output[0] ?? "") !== "") names.push(output[0]!);
  }
  return names;
}

/** Shapes of all values, for feeds of some shape. */
export function shapesIn(model: ModelProto, feeds: Feeds): Readonly<Record<string, Shape>> {
  const given = Object.entries(feeds).map(([name, { shape }]) => [name, shape] as const);
  return { ...Object.fromEntries(given), ...traceGraph(model, computedValues(model), feeds).shapes };
}

export interface GraphRunner {
  /** The values wanted, valid until the next run. */
  run(feeds: Feeds): Readonly<Record<string, NdArray>>;
  release(): void;
}

/** @param names the values wanted */
export function createRunner(executor: Executor, model: ModelProto, names: readonly string[]): GraphRunner {
  const programs = new Map<string, { program: Program; shapes: TracedGraph["shapes"] }>();
  let state: State | undefined;
  const programFor = (feeds: Feeds) => {
    const key = Object.values(feeds)
      .map(({ shape }) => shape.join())
      .join(";");
    const known = programs.get(key);
    if (known !== undefined) return known;
    const { traced, shapes, weights } = traceGraph(model, names, feeds);
    state ??= loaded(executor, weights);
    const made = { program: executor.compile(traced, state), shapes };
    programs.set(key, made);
    return made;
  };
  return {
    run(feeds) {
      const { program, shapes } = programFor(feeds);
      for (const [name, view] of Object.entries(program.inputs))
        (view as Float32Array).set(feeds[name]!.data as Float32Array);
      runWhole(program);
      return Object.fromEntries(
        names.map((name) => {
          const data = program.outputs[`=${name}`]! as Float32Array;
          const dtype = data instanceof Float32Array ? "F32" : "I32";
          return [name, { dtype, shape: shapes[name]!, data: data.subarray(0, sizeOf(shapes[name]!)) }];
        }),
      );
    },
    release() {
      for (const { program } of programs.values()) program.release();
      state?.release();
    },
  };
}

function loaded(executor: Executor, weights: Readonly<Record<string, NdArray>>): State {
  const state = executor.createState(weights);
  for (const [name, value] of Object.entries(weights)) state.write(name, value);
  return state;
}

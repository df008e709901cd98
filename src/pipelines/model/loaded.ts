/** @file Models in an executor: weights loaded, programs compiled, both kept for the models asked last. */
import type { Executor, Program, State, Traced } from "../../engine/index.ts";
import type { Registry } from "../registry/registry.ts";
import type { ModelRecord, Weights } from "./record.ts";
import { weightArrays } from "./weights.ts";

export interface PredictionContext {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly record: ModelRecord;
}

/** Models whose weights stay loaded in an executor, and programs kept for each. */
const MODELS_KEPT = 8;
const PROGRAMS_KEPT = 6;

/** A model's weights in an executor, and its programs by name, the one used last at the end. */
interface Loaded {
  readonly state: State;
  version: number;
  readonly programs: Map<string, Program>;
}

const loadedBy = new WeakMap<Executor, Map<string, Loaded>>();

/** Moves `key` to the end of `map`, makes its value when it is new, and drops the first entries beyond `limit`. */
function recent<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  limit: number,
  make: () => Value,
  drop: (value: Value) => void,
): Value {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  for (const [oldest, dropped] of map) {
    if (map.size <= limit) break;
    map.delete(oldest);
    drop(dropped);
  }
  return value;
}

/** A state that holds a snapshot's weights. */
export function stateOf(executor: Executor, weights: Weights): State {
  const state = executor.createState(
    Object.fromEntries(weights.layout.map(({ path, dtype, shape }) => [path, { dtype, shape }])),
  );
  writeWeights(state, weights);
  return state;
}

function writeWeights(state: State, weights: Weights): void {
  for (const [path, value] of Object.entries(weightArrays(weights))) state.write(path, value);
}

function drop({ programs, state }: Loaded): void {
  for (const program of programs.values()) program.release();
  state.release();
}

/** Lets go of a model's weights and programs. */
export function forgetLoaded(executor: Executor, { weights }: Pick<ModelRecord, "weights">): void {
  const models = loadedBy.get(executor);
  const loaded = weights === null ? undefined : models?.get(weights.lineage);
  if (loaded === undefined) return;
  models!.delete(weights!.lineage);
  drop(loaded);
}

function load(executor: Executor, weights: Weights): Loaded {
  const models = loadedBy.get(executor) ?? new Map<string, Loaded>();
  loadedBy.set(executor, models);
  const make = (): Loaded => ({ state: stateOf(executor, weights), version: weights.version, programs: new Map() });
  const loaded = recent(models, weights.lineage, MODELS_KEPT, make, drop);
  if (loaded.version !== weights.version) writeWeights(loaded.state, weights);
  loaded.version = weights.version;
  return loaded;
}

/** A program of the model's own weights, kept under a name. */
export function compiled(
  { executor }: Pick<PredictionContext, "executor">,
  { weights }: Pick<ModelRecord, "weights">,
  name: string,
  traced: () => Traced,
): Program {
  const { state, programs } = load(executor, weights!);
  return recent(
    programs,
    name,
    PROGRAMS_KEPT,
    () => executor.compile(traced(), state),
    (dropped) => dropped.release(),
  );
}

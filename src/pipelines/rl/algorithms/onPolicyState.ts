/** @file All that a learner from rollouts goes on from, to the same bits: its arrays by name, out of memory and back. */
import type { NdArray, State } from "../../../engine/index.ts";
import { momentTensors, type Normaliser, restoreMoments } from "../normalise.ts";
import type { Rollout } from "../rollout.ts";
import type { Group } from "./rolloutGroup.ts";

export interface Remembered {
  /** Weights, and what the optimizer remembers. */
  readonly state: State;
  readonly rollouts: readonly Rollout[];
  readonly groups: readonly Group[];
  readonly normaliser: Normaliser;
}

/** Where groups stand: plain JSON. */
export interface Places {
  groups: { side: number; cursor: number; full: [boolean, boolean] }[];
}

export function saveTensors(all: Remembered): Record<string, NdArray> {
  const { state } = all;
  const tensors: Record<string, NdArray> = {};
  for (const path of Object.keys(state.types)) tensors[`state.${path}`] = state.read(path);
  for (const [name, array] of liveArrays(all)) tensors[name] = flat(array.slice() as never);
  for (const [name, moments] of runningMoments(all)) Object.assign(tensors, momentTensors(name, moments));
  return tensors;
}

export function restoreTensors(all: Remembered, tensors: Readonly<Record<string, NdArray>>): void {
  const { state } = all;
  for (const path of Object.keys(state.types)) state.write(path, tensors[`state.${path}`]!);
  for (const [name, array] of liveArrays(all)) array.set(tensors[name]!.data as never);
  for (const [name, moments] of runningMoments(all)) restoreMoments(name, moments, tensors);
}

export const placesOf = (groups: readonly Group[]): Places["groups"] =>
  groups.map(({ side, cursor, full }) => ({ side, cursor, full: [...full] }));

export function restorePlaces(groups: readonly Group[], places: Places["groups"]): void {
  for (const [index, group] of groups.entries()) {
    const { side, cursor, full } = places[index]!;
    Object.assign(group, { side, cursor });
    [group.full[0], group.full[1]] = full;
  }
}

/** Everything in memory that the next step depends on, by name. */
function* liveArrays({
  rollouts,
  groups,
}: Remembered): Generator<readonly [string, Float32Array | Float64Array | Int32Array | Uint8Array]> {
  for (const [side, rollout] of rollouts.entries()) {
    for (const [name, value] of Object.entries(rollout)) {
      if (value === null) continue;
      if (Array.isArray(value))
        for (const [index, each] of value.entries()) yield [`rollouts.${side}.${name}.${index}`, each];
      else yield [`rollouts.${side}.${name}`, value];
    }
  }
  for (const [index, group] of groups.entries()) {
    for (const name of ["observations", "mask", "starts", "idle"] as const) {
      const value = group[name];
      if (value !== null) yield [`groups.${index}.${name}`, value];
    }
    for (const [place, memory] of group.memory.entries()) yield [`groups.${index}.memory.${place}`, memory];
    if (group.scaler !== null) yield [`groups.${index}.returns`, group.scaler.returns];
  }
}

/** Running statistics, by name. */
function* runningMoments({ normaliser, groups }: Remembered) {
  if (normaliser.moments !== null) yield ["moments", normaliser.moments] as const;
  for (const [index, { scaler }] of groups.entries()) {
    if (scaler !== null) yield [`rewards.${index}`, scaler.moments] as const;
  }
}

const DTYPE_OF = new Map<unknown, NdArray["dtype"]>([
  [Float32Array, "F32"],
  [Float64Array, "F64"],
  [Int32Array, "I32"],
  [Uint8Array, "U8"],
]);

const flat = (data: NdArray["data"]): NdArray => ({
  dtype: DTYPE_OF.get(data.constructor)!,
  shape: [data.length],
  data,
});

/** @file Made-up observations, masks and memories by which a policy's file is compared with our own answers. */
import type { NdArray, StringArray } from "../../engine/index.ts";
import { type Difference, differenceOf } from "../model/onnxFile.ts";
import { createRandom } from "../random.ts";
import { maskWidth } from "./distributions.ts";
import { observationType, shapeOf } from "./onnxCard.ts";
import type { Played } from "./play.ts";
import { memoryWidths } from "./policy.ts";
import type { PolicyModel } from "./policyRecord.ts";
import { type Space, spaceSize } from "./spaces.ts";

const SAMPLES = 64;

interface Made {
  readonly observations: Float32Array;
  readonly count: number;
  readonly mask: Uint8Array | null;
  readonly memory: Played["memory"];
}

/** Observations, masks and memories made up. */
export function inventPlay({ spec, moments }: PolicyModel["policy"]): Made {
  const random = createRandom(1, "verification");
  const size = spaceSize(spec.observation);
  const observations = new Float32Array(SAMPLES * size);
  for (let at = 0; at < observations.length; at++)
    observations[at] = invented(spec.observation, at % size, random, moments);
  const memory = memoryWidths(spec).map((width) =>
    Float32Array.from({ length: SAMPLES * width }, () => random.normal() / 2),
  );
  const choices = maskWidth(spec.action);
  const mask = spec.masked
    ? Uint8Array.from({ length: SAMPLES * choices }, () => Number(random.uniform() < 0.7))
    : null;
  return { observations, count: SAMPLES, mask, memory };
}

function invented(
  space: Space,
  element: number,
  random: ReturnType<typeof createRandom>,
  moments: PolicyModel["policy"]["moments"],
): number {
  switch (space.type) {
    case "discrete":
      return (space.start ?? 0) + random.integer(space.n);
    case "multiDiscrete":
      return random.integer(space.nvec[element]!);
    case "multiBinary":
      return random.integer(2);
    case "box":
      if (space.dtype === "U8") return random.integer(256);
      if (moments === null) return random.normal();
      return moments.mean[element]! + random.normal() * Math.sqrt(moments.variance[element]!);
  }
}

/** The same, as the file takes them. */
export function feedsOf(
  spec: PolicyModel["policy"]["spec"],
  { observations, mask, memory }: Made,
): Record<string, NdArray> {
  const type = observationType(spec.observation);
  const data =
    type === "F32"
      ? observations
      : type === "U8"
        ? Uint8Array.from(observations)
        : BigInt64Array.from(observations, (value) => BigInt(value));
  const widths = memoryWidths(spec);
  return {
    observations: { dtype: type, shape: [SAMPLES, ...shapeOf(spec.observation)], data },
    ...(mask === null ? {} : { mask: { dtype: "BOOL", shape: [SAMPLES, maskWidth(spec.action)], data: mask } }),
    ...Object.fromEntries(
      memory.map((each, index) => [`state.${index}`, { dtype: "F32", shape: [SAMPLES, widths[index]!], data: each }]),
    ),
  };
}

export function compare(theirs: Readonly<Record<string, NdArray | StringArray>>, own: Played): Difference {
  const ours: Record<string, ArrayLike<number>> = {
    values: own.values,
    ...(own.actions instanceof Float32Array && { actions: own.actions }),
    ...Object.fromEntries(own.memory.map((each, index) => [`nextState.${index}`, each])),
  };
  const none: Difference = { samples: SAMPLES, maxAbsDiff: 0, largest: 0 };
  return Object.keys(ours).reduce((found, name) => differenceOf(theirs[name]!.data, ours[name]!, found), none);
}

/** @file Which parameters learn, and how: path patterns to frozen leaves and to groups with options of their own. */
import { Fault } from "../../engine/index.ts";
import type { Declaration } from "../layers/scope.ts";
import type { Configured } from "../model/spec.ts";
import { matches, matchesNothing } from "../registry/paths.ts";
import type { TrainOptions } from "./options.ts";

export interface Group {
  /** The optimizer with this group's options. */
  readonly optimizer: Configured;
  /** Null: the training's own, which may be found by trial. */
  readonly learningRate: number | null;
}

export interface Grouping {
  /** The first holds every parameter that no pattern names. */
  readonly groups: readonly Group[];
  /** Paths of parameters by group; frozen ones are in none. */
  readonly groupOf: ReadonlyMap<string, number>;
  /** Of parameters, and of buffers such as running statistics. */
  readonly frozen: ReadonlySet<string>;
}

/** @throws INVALID_PARAMS for a pattern that matches nothing, and when nothing is left to learn. */
export function groupParameters(
  leaves: readonly Declaration[],
  { optimizer, freeze, groups }: Pick<TrainOptions, "optimizer" | "freeze" | "groups">,
): Grouping {
  const paths = leaves.map(({ path }) => path);
  const matching = (patterns: readonly string[], place: string): Set<string> => {
    const found = patterns.map((pattern) => paths.filter((path) => matches(pattern, path)));
    const idle = found.findIndex((matched) => matched.length === 0);
    if (idle >= 0) throw matchesNothing(patterns[idle]!, place, "parameter", paths);
    return new Set(found.flat());
  };
  const frozen = matching(freeze ?? [], "freeze");
  const members = groups.map(({ match }, index) => matching(match, `groups[${index}].match`));
  const learning = leaves.filter(({ path, trainable }) => trainable && !frozen.has(path));
  if (learning.length === 0) {
    throw new Fault("INVALID_PARAMS", "`freeze` leaves nothing to learn", {
      violations: [{ path: "freeze", message: "matches every parameter", expected: "some left out", got: "all" }],
      hint: "freeze a part, such as `backbone.layers.0`",
    });
  }
  const groupAt = (path: string): number => 1 + members.findIndex((member) => member.has(path));
  return {
    groups: [
      { optimizer, learningRate: null },
      ...groups.map(({ learningRate = null, weightDecay }) => ({
        optimizer: weightDecay === undefined ? optimizer : { ...optimizer, weightDecay },
        learningRate,
      })),
    ],
    groupOf: new Map(learning.map(({ path }) => [path, groupAt(path)])),
    frozen,
  };
}

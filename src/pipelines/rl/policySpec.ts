/** @file The policy that fits a world and a way to learn: its backbone, its memory, and how actions are read off it. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { CELL_NAMES, type CellName } from "../layers/cells.ts";
import { parseBy, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { AlgorithmPlan } from "./algorithm.ts";
import { isNormalisable } from "./observations.ts";
import type { MemorySpec, PolicySpec } from "./policy.ts";
import type { Space } from "./spaces.ts";
import type { WorldSpec } from "./worldSpec.ts";

const MemorySchema = z.strictObject({
  type: z.enum(CELL_NAMES).default("lstm").describe("The cell"),
  hidden: z.int().min(1).max(16_384).default(64).describe("Width of what is remembered"),
  layers: z.int().min(1).max(64).default(1).describe("How many cells stand on each other"),
});

const IMAGE_BACKBONE = {
  type: "cnn",
  blocks: [
    { channels: 16, pool: "none" },
    { channels: 32, pool: "none", strides: 2 },
  ],
  norm: "none",
  hidden: [128],
};
const USUAL_BACKBONE = { type: "mlp", hidden: [64, 64], activation: "tanh" };

/** @throws INVALID_PARAMS naming the field */
export function parsePolicy(
  registry: Registry,
  { observation, action, masked }: WorldSpec,
  plan: AlgorithmPlan,
  { backbone: rawBackbone, memory: rawMemory }: { readonly backbone?: unknown; readonly memory?: unknown },
): PolicySpec {
  const cell = cellOf(rawBackbone);
  const memory = cell ?? memoryOf(rawMemory);
  const isImage = observation.type === "box" && observation.shape.length >= 2;
  const usual = isImage ? IMAGE_BACKBONE : (plan.backbone ?? USUAL_BACKBONE);
  const backbone =
    cell !== null ? null : parseConfigured(registry.backbones, rawBackbone ?? usual, "backbone", usual.type);
  if (action.type === "box" && plan.squash) refuseUnbounded(action);
  return {
    observation,
    action,
    backbone,
    memory,
    sharedBackbone: memory !== null || (plan.sharedBackbone ?? backbone?.type === "cnn"),
    orthogonalInit: plan.orthogonalInit,
    ...(plan.form?.({ action, memory }) ?? usualForm(action, plan)),
    logStdInit: plan.logStdInit,
    masked,
    normaliser: isNormalisable(observation) ? plan.normaliser : null,
  };
}

function usualForm(action: Space, { squash }: AlgorithmPlan): Pick<PolicySpec, "distribution"> {
  if (action.type !== "box") return { distribution: "categorical" };
  return { distribution: squash ? "squashedGaussian" : "gaussian" };
}

/** A backbone that is a cell is a memory that reads observations as they are. */
function cellOf(raw: unknown): MemorySpec | null {
  const written = typeof raw === "string" ? { type: raw } : (raw as { type?: unknown } | null | undefined);
  const type = CELL_NAMES.find((name) => name === written?.type);
  return type === undefined ? null : toMemory(parseBy(MemorySchema, written, "backbone"));
}

function memoryOf(raw: unknown): MemorySpec | null {
  if (raw === undefined || raw === null || raw === false) return null;
  const written = raw === true ? {} : typeof raw === "string" ? { type: raw } : raw;
  return toMemory(parseBy(MemorySchema, written, "memory"));
}

const toMemory = ({ type, hidden, layers }: { type: CellName; hidden: number; layers: number }): MemorySpec => ({
  cell: type,
  hidden,
  layers,
});

function refuseUnbounded(action: Extract<Space, { type: "box" }>): void {
  const at = action.low.findIndex((low, index) => !Number.isFinite(low) || !Number.isFinite(action.high[index]!));
  if (at < 0) return;
  throw new Fault("INVALID_PARAMS", "actions without bounds cannot be squashed into them", {
    violations: [
      {
        path: "algorithm.squash",
        message: "the action space has no bounds",
        expected: "finite low and high",
        got: `${action.low[at]} to ${action.high[at]} at ${at}`,
      },
    ],
    hint: "leave `squash` out, or give the action space finite bounds",
  });
}

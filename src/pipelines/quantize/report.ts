/** @file What quantising changed, for the host: sizes, each layer's damage, what stayed as it was and why. */
import { type Layer, type Prepared, type Quantized, type Steps, sizeOf } from "../../engine/index.ts";
import type { Damage } from "./damage.ts";
import type { QuantizeChoice } from "./options.ts";
import type { Quality } from "./quality.ts";
import type { Samples } from "./samples.ts";

export interface LayerReport extends Damage {
  readonly path: string;
  readonly operator: string;
  /** `integers`, or `weight` where that alone is stored in bytes and made real again. */
  readonly how: Layer["how"];
  readonly weight: { readonly name: string; readonly shape: readonly number[]; readonly axis: number | null };
  readonly bytes: Sizes;
  /** Of its input, where that was measured beforehand. */
  readonly input?: Steps;
}

export interface Sizes {
  readonly before: number;
  readonly after: number;
}

export interface QuantizationReport {
  readonly mode: QuantizeChoice["mode"];
  /** Null where nothing was measured beforehand. */
  readonly calibration: QuantizeChoice["calibration"] | null;
  readonly perChannel: boolean;
  readonly reduceRange: boolean;
  readonly activations: QuantizeChoice["activations"];
  readonly bytes: Sizes & { readonly ratio: number };
  /** Rows that the damage was measured on. */
  readonly samples: number;
  readonly rows: "data" | "invented";
  readonly layers: readonly LayerReport[];
  readonly kept: Prepared["kept"];
  readonly outputs: readonly (Damage & { readonly name: string })[];
  /** Null without data, or without targets in them. */
  readonly metrics: Quality | null;
}

interface Measured {
  readonly choice: QuantizeChoice;
  readonly prepared: Prepared;
  readonly quantized: Quantized;
  readonly damage: ReadonlyMap<string, Damage>;
  readonly samples: Samples;
  readonly bytes: Sizes;
  readonly outputs: readonly string[];
  readonly quality: Quality | null;
}

export function reportOf(measured: Measured): QuantizationReport {
  const { choice, prepared, quantized, damage, samples, bytes, outputs, quality } = measured;
  const { mode, perChannel, reduceRange, activations, calibration } = choice;
  return {
    mode,
    calibration: mode === "int8-static" ? { ...calibration, samples: samples.count } : null,
    perChannel,
    reduceRange,
    activations,
    bytes: { ...bytes, ratio: bytes.after / bytes.before },
    samples: samples.count,
    rows: samples.isInvented ? "invented" : "data",
    layers: prepared.layers.map((layer) => layerReport(layer, prepared, quantized, damage.get(layer.output)!)),
    kept: prepared.kept,
    outputs: outputs.map((name) => ({ name, ...damage.get(name)! })),
    metrics: quality,
  };
}

function layerReport(layer: Layer, { sources }: Prepared, { weights, steps }: Quantized, damage: Damage): LayerReport {
  const { path, operator, how, weight, shape, node } = layer;
  const { axis, scales } = weights.get(weight)!;
  const size = sizeOf(shape);
  const input = steps.get(sources.get(node.input![0]!) ?? "");
  return {
    path,
    operator,
    how,
    weight: { name: weight, shape, axis },
    bytes: { before: 4 * size, after: size + 4 * scales.length },
    ...(input !== undefined && how === "integers" && { input }),
    ...damage,
  };
}

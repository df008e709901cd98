/** @file How a file is to be quantised: what a host may say, filled up with what is usual. */
import { Fault, type QuantizationMode, type RangeOptions } from "../../engine/index.ts";

/** As a host gives it; the mode alone is short for the rest as usual. */
export type QuantizeRequest = QuantizationMode | QuantizeSpec;

/** How ranges are measured, and on how many rows. */
type Calibration = RangeOptions & { readonly samples: number };

export interface QuantizeSpec {
  readonly mode: QuantizationMode;
  readonly calibration?: { readonly [Name in keyof Calibration]?: Calibration[Name] | undefined } | undefined;
  readonly perChannel?: boolean | undefined;
  readonly reduceRange?: boolean | undefined;
  readonly activations?: "uint8" | "int8" | undefined;
  readonly exclude?: readonly string[] | undefined;
}

export interface QuantizeChoice {
  readonly mode: QuantizationMode;
  readonly calibration: Calibration;
  readonly perChannel: boolean;
  readonly reduceRange: boolean;
  readonly activations: "uint8" | "int8";
  readonly exclude: readonly string[];
}

/** As onnxruntime's calibrators. Of entropy's bins there are few: with many more than are told apart it cuts off too much. */
const CALIBRATION = { method: "minmax", samples: 256, percentile: 99.999, numQuantizedBins: 128 } as const;
const BINS = { minmax: 2048, percentile: 2048, entropy: 128 } as const;

/** @throws Fault INVALID_PARAMS for settings that the mode has no use for, or that contradict each other */
export function quantizeChoice(request: QuantizeRequest): QuantizeChoice {
  const spec: QuantizeSpec = typeof request === "string" ? { mode: request } : request;
  const { method = CALIBRATION.method } = spec.calibration ?? {};
  const calibration = { ...CALIBRATION, numBins: BINS[method], ...spec.calibration } as Calibration;
  if (spec.mode === "int8-dynamic") refuseMeasuring(spec);
  const { numBins, numQuantizedBins } = calibration;
  if (method === "entropy" && numQuantizedBins > numBins) {
    const expected = `at most ${numBins}, the number of bins`;
    throw refusal("calibration.numQuantizedBins", "too many", expected, `${numQuantizedBins}`, "leave it out for 128");
  }
  return {
    mode: spec.mode,
    calibration,
    perChannel: spec.perChannel ?? true,
    reduceRange: spec.reduceRange ?? false,
    activations: spec.activations ?? "uint8",
    exclude: spec.exclude ?? [],
  };
}

function refuseMeasuring({ calibration = {}, activations }: QuantizeSpec): void {
  const [foreign] = Object.keys(calibration).filter((name) => name !== "samples");
  const wrong = foreign === undefined ? (activations === "int8" ? "activations" : null) : `calibration.${foreign}`;
  if (wrong === null) return;
  const hint = "int8-dynamic measures its inputs, as uint8, while it runs; int8-static beforehand";
  throw refusal(wrong, "has no use in int8-dynamic", "left out, or mode int8-static", "int8-dynamic", hint);
}

export function refusal(path: string, message: string, expected: string, got: string, hint: string): Fault {
  const whole = path === "data" ? path : `quantize.${path}`;
  return new Fault("INVALID_PARAMS", `\`${whole}\`: ${message}`, {
    violations: [{ path: whole, message, expected, got }],
    hint,
  });
}

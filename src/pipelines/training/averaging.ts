/** @file Averages of the weights: how much of a step's weights goes into them. */
import type { TrainOptions } from "./options.ts";

/** Where a step stands. */
export interface AveragingMoment {
  /** Counted from 1. */
  readonly step: number;
  /** Counted from 0. */
  readonly epoch: number;
  readonly epochs: number;
  readonly endsEpoch: boolean;
}

type Averaging = NonNullable<TrainOptions["averaging"]>;

const SHARES: {
  [Type in Averaging["type"]]: (moment: AveragingMoment, options: Extract<Averaging, { type: Type }>) => number;
} = {
  ema: ({ step }, { decay, warmup }) =>
    step === 1 ? 1 : 1 - (warmup ? Math.min(decay, (1 + step) / (10 + step)) : decay),
  // until the averaging begins, the average is the weights themselves; from then on the mean over epochs' ends
  swa({ epoch, epochs, endsEpoch }, { start }) {
    const first = Math.floor(start * epochs);
    if (epoch < first) return 1;
    return endsEpoch ? 1 / (epoch - first + 1) : 0;
  },
};

/** The share s in average · (1 − s) + weights · s, after a step. */
export function shareOf(averaging: Averaging, moment: AveragingMoment): number {
  return (SHARES[averaging.type] as (moment: AveragingMoment, options: Averaging) => number)(moment, averaging);
}

/** @file Reduce on plateau: the one schedule that follows how the training goes. */
import { z } from "zod";
import { betterOf } from "../metrics/direction.ts";
import { afterWarmup } from "./warmup.ts";

/** What it remembers between epochs. */
interface Memory {
  readonly factor: number;
  readonly best: number | null;
  /** Epochs since the best, and epochs of rest that are left. */
  readonly waited: number;
  readonly resting: number;
}

const START: Memory = { factor: 1, best: null, waited: 0, resting: 0 };

/** `torch.optim.lr_scheduler.ReduceLROnPlateau`, its threshold relative. */
export const plateau = afterWarmup({
  type: "plateau",
  description: "Multiplied by a factor whenever the watched quantity has stopped improving",
  options: z.object({
    monitor: z
      .string()
      .default("loss")
      .describe(
        "The quantity to watch: `loss`, or a metric such as `accuracy`; of the held-out part where there is one",
      ),
    mode: z.enum(["min", "max"]).optional().describe("Which way is better; left out, known from the quantity's name"),
    factor: z.number().gt(0).lt(1).default(0.1).describe("What the rate is multiplied by"),
    patience: z.int().min(0).default(10).describe("Epochs without an improvement that are let pass before that"),
    threshold: z
      .number()
      .min(0)
      .default(1e-4)
      .describe("The smallest change that counts, as a share of the best value"),
    cooldown: z.int().min(0).default(0).describe("Epochs after a drop that are not counted"),
    minimum: z.number().min(0).max(1).default(0).describe("Share of the learning rate below which it does not drop"),
  }),
  watches: ({ monitor }) => monitor,
  factor: ({ memory }) => (memory as Memory | undefined)?.factor ?? 1,
  remember(memory, value, { monitor, mode, factor, patience, threshold, cooldown, minimum }): Memory {
    const before = (memory as Memory | undefined) ?? START;
    const isMax = betterOf(monitor, mode) === "max";
    const isBetter =
      before.best === null || (isMax ? value > before.best * (1 + threshold) : value < before.best * (1 - threshold));
    const best = isBetter ? value : before.best;
    const isResting = before.resting > 0;
    const waited = isBetter || isResting ? 0 : before.waited + 1;
    const resting = isResting ? before.resting - 1 : 0;
    if (waited <= patience) return { factor: before.factor, best, waited, resting };
    return { factor: Math.max(before.factor * factor, minimum), best, waited: 0, resting: cooldown };
  },
});

/** @file What goes wrong when policies learn, told in words, each once. */
import type { Metrics } from "./algorithm.ts";
import type { PolicySpec } from "./policy.ts";
import { choicesOf, spaceSize } from "./spaces.ts";

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Watch {
  /** @param returns how large they are in the mean, signs apart; NaN before the first episode has ended */
  update(metrics: Metrics, returns: number): void;
}

/** Past it, an update leaves the policy that it was measured with far behind. */
const LARGE_KL = 0.1;
const UPDATES_OF_LARGE_KL = 3;
const UPDATES_BELOW_ZERO = 30;
/** Of the entropy of choosing blindly. */
const COLLAPSED_SHARE = 0.01;
const UPDATES_COLLAPSED = 10;
/** Returns of this size, or this little, are hard to learn for networks. */
const LARGE_VALUE_LOSS = 1e6;
const LARGE_RETURN = 1e5;
const SMALL_RETURN = 1e-3;
const UPDATES_OF_SCALE = 5;
/** Entropy of a Gaussian whose standard deviation is a hundredth, by number of an action. */
const NARROW = Math.log(0.01) + 0.5 * Math.log(2 * Math.PI * Math.E);

/** Sums of the kinds of trouble, each of which must last a while. */
export function createWatch(policy: PolicySpec, warn: (warning: Warning) => void): Watch {
  const lasting = new Map<string, number>();
  const told = new Set<string>();
  const counts = choicesOf(policy.action);
  const blind = counts === null ? null : counts.reduce((sum, count) => sum + Math.log(count), 0);
  const least = blind === null ? NARROW * spaceSize(policy.action) : COLLAPSED_SHARE * blind;

  function look(
    code: string,
    isTrouble: boolean,
    updates: number,
    say: () => Omit<Warning, "code">,
    kind: string = code,
  ): void {
    const since = isTrouble ? (lasting.get(kind) ?? 0) + 1 : 0;
    lasting.set(kind, since);
    if (since < updates || told.has(code)) return;
    told.add(code);
    warn({ code, ...say() });
  }

  return {
    update(metrics, returns) {
      const kl = metrics["losses/approx_kl"] ?? 0;
      look("KL_TOO_HIGH", kl > LARGE_KL, UPDATES_OF_LARGE_KL, () => ({
        message: `the policy moves far with each update: approximate KL divergence ${kl.toFixed(3)}, above ${LARGE_KL} for ${UPDATES_OF_LARGE_KL} updates`,
        hint: "lower `learningRate` or `updateEpochs`, or set `targetKl` to 0.02",
      }));
      const explained = metrics["losses/explained_variance"] ?? 1;
      look("VALUES_EXPLAIN_NOTHING", explained < 0, UPDATES_BELOW_ZERO, () => ({
        message: `values explain nothing of the returns: explained variance ${explained.toFixed(2)} for ${UPDATES_BELOW_ZERO} updates`,
        hint: "set `normaliseRewards`, set `clipVloss` to false, or raise `vfCoef`",
      }));
      const entropy = metrics["losses/entropy"] ?? Number.POSITIVE_INFINITY;
      const isCollapsed = blind !== 0 && entropy < least;
      look("ENTROPY_COLLAPSED", isCollapsed, UPDATES_COLLAPSED, () => ({
        message: `the policy hardly tries anything any more: entropy ${entropy.toPrecision(2)}${blind === null ? "" : ` of ${blind.toPrecision(2)}`} for ${UPDATES_COLLAPSED} updates`,
        hint: "if its returns are not good yet, raise `entCoef` or lower `learningRate`",
      }));
      const valueLoss = metrics["losses/value_loss"] ?? metrics["losses/qf_loss"] ?? metrics["losses/td_loss"] ?? 0;
      const size = Number.isNaN(returns) ? 0 : returns;
      look("REWARD_SCALE", valueLoss > LARGE_VALUE_LOSS || size > LARGE_RETURN, UPDATES_OF_SCALE, () => ({
        message: `rewards are extremely large: returns have a size of ${size.toPrecision(2)} in the mean, the values' loss is ${valueLoss.toPrecision(2)}`,
        hint: "set `normaliseRewards` where the algorithm has it, or divide rewards so that returns are below a thousand",
      }));
      look(
        "REWARD_SCALE",
        size > 0 && size < SMALL_RETURN,
        UPDATES_OF_SCALE,
        () => ({
          message: `rewards are extremely small: returns have a size of ${size.toPrecision(2)} in the mean`,
          hint: "set `normaliseRewards` where the algorithm has it, or multiply rewards so that returns are about one or more",
        }),
        "small rewards",
      );
      const masked = metrics["charts/all_masked"] ?? 0;
      look("ALL_MASKED", masked > 0, 1, () => ({
        message: `${masked === 1 ? "once" : `${masked} times`} every action of a choice was masked; one was chosen blindly`,
        hint: "let each mask allow at least one choice",
      }));
    },
  };
}

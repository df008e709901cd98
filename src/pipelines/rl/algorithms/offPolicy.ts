/**
 * @file Learning off the policy, as DQN, SAC and TD3 do: acting by chance at first, keeping what came of it, and learning pieces of
 * what was kept. Everything that is drawn is drawn from the seed and a counter, so that a learner that is put back goes on to the
 * same bits.
 */
import { createSampleRandom } from "../../random.ts";
import type { Learner, LearnerContext, LearnerState, Metrics } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { refuseTooLarge } from "../forecast.ts";
import { type Progress as Common, learnerOf, shareDone } from "../progress.ts";
import { createReplay, type Replay } from "../replay.ts";
import { spaceSize } from "../spaces.ts";
import { below, prefixed } from "../tensorNames.ts";
import { diverged } from "./diverged.ts";
import type { Method } from "./method.ts";
import type { OffPolicyOptions } from "./offPolicyOptions.ts";
import { createReplayGroup } from "./replayGroup.ts";

/** Plain JSON. */
interface Progress extends Common {
  /** Steps of which the replay buffer knows nothing. */
  unseen: number;
  acts: number;
  /** Choices of which none was allowed. */
  allMasked: number;
  /** Steps since the last update was due, updates that are due, and pieces that are done of the one under way. */
  waiting: number;
  due: number;
  piece: number;
  /** Figures since they were last told. */
  sums: Record<string, number>;
  counts: Record<string, number>;
}

const firstProgress = ({ behind = { steps: 0, updates: 0 } }: LearnerContext): Progress => ({
  ...behind,
  unseen: behind.steps,
  acts: 0,
  allMasked: 0,
  waiting: 0,
  due: 0,
  piece: 0,
  sums: {},
  counts: {},
  horizon: null,
});

/** Draws of one seed, told apart. */
const [ACTIONS, BATCHES] = [0x616374, 0x626174];
/** Updates whose means are told at once. */
const TOLD_UPDATES = 100;

function openReplay({ policy }: LearnerContext, { bufferSize }: OffPolicyOptions, { priorities }: Method): Replay {
  const [width, size] = [spaceSize(policy.observation), spaceSize(policy.action)];
  const masks = policy.masked ? maskWidth(policy.action) : 0;
  refuseTooLarge("the replay buffer", bufferSize * (4 * (2 * width + size + 2) + masks), {
    path: "algorithm.bufferSize",
    hint: `lower \`bufferSize\` (${bufferSize})`,
  });
  return createReplay({
    capacity: bufferSize,
    observation: width,
    action: size,
    mask: masks,
    choices: policy.action.type !== "box",
    alpha: priorities?.alpha ?? null,
  });
}

export function createOffPolicy(context: LearnerContext, options: OffPolicyOptions, method: Method): Learner {
  const { policy, seed, count } = context;
  const replay = openReplay(context, options, method);
  const groups = Array.from({ length: context.groups }, () => createReplayGroup(context, options, replay));
  const progress = firstProgress(context);
  const updates = createUpdates({ seed, replay, method, progress });

  /** The updates that so many steps ask for. */
  function owe(): void {
    if (progress.steps - progress.unseen <= options.learningStarts || replay.size === 0) return;
    progress.waiting += count;
    while (progress.waiting >= options.trainFrequency) {
      progress.waiting -= options.trainFrequency;
      progress.due += options.gradientSteps;
    }
  }

  return learnerOf(progress, {
    policy,
    moments: null,
    isPending: () => progress.due > 0,
    begin: (number, observations, mask) => groups[number]!.begin(observations, mask),
    act(number) {
      const group = groups[number]!;
      const random = createSampleRandom(seed, progress.acts, number, ACTIONS);
      const isWarmingUp = progress.steps < options.learningStarts;
      progress.allMasked += group.blind();
      method.choose({ ...progress, ...group, group: number, isWarmingUp, random });
      progress.acts++;
      group.note(method.chosen);
      return method.applied;
    },
    observe(number, outcome) {
      groups[number]!.observe(outcome);
      progress.steps += count;
      owe();
    },
    advance: updates.advance,
    weights: () => method.networks.weights(),
    save(): LearnerState {
      const own = groups.map((group, index) => prefixed(`groups.${index}`, group.save()));
      const tensors = { ...prefixed("state", method.networks.read()), ...prefixed("replay", replay.save()) };
      return { tensors: Object.assign(tensors, ...own), progress: structuredClone(progress) };
    },
    restore({ tensors, progress: saved }) {
      method.networks.write(below("state", tensors));
      replay.restore(below("replay", tensors));
      for (const [index, group] of groups.entries()) group.restore(below(`groups.${index}`, tensors));
      Object.assign(progress, { unseen: 0 }, structuredClone(saved));
    },
    release: () => method.release(),
  });
}

interface Updating {
  readonly seed: number;
  readonly replay: Replay;
  readonly method: Method;
  readonly progress: Progress;
}

/** Updates that are due, a piece at a time, and their mean figures. */
function createUpdates({ seed, replay, method, progress }: Updating): Pick<Learner, "advance"> {
  function told(): Metrics {
    const means = Object.entries(progress.sums).map(([name, sum]) => [name, sum / progress.counts[name]!]);
    progress.sums = {};
    progress.counts = {};
    return {
      ...Object.fromEntries(means),
      ...method.tell?.(progress),
      ...(progress.allMasked === 0 ? {} : { "charts/all_masked": progress.allMasked }),
    };
  }

  return {
    advance() {
      if (progress.due === 0) return null;
      const { updates, piece, steps, horizon } = progress;
      const { beta } = method.priorities ?? { beta: 1 };
      // Drawn again for each piece: a learner that was put back between two pieces has no batch.
      const random = createSampleRandom(seed, updates, 0, BATCHES);
      replay.draw(method.batch, random, beta + (1 - beta) * shareDone(horizon, steps));
      const figures = method.learn({ update: updates, piece, steps, isLast: progress.due === 1 });
      for (const [name, figure] of Object.entries(figures)) {
        if (!Number.isFinite(figure)) throw astray(name, updates + 1, method);
        progress.sums[name] = (progress.sums[name] ?? 0) + figure;
        progress.counts[name] = (progress.counts[name] ?? 0) + 1;
      }
      if (++progress.piece < method.pieces(updates)) return null;
      if (method.errors !== null) replay.surprise(method.errors);
      progress.piece = 0;
      progress.due--;
      progress.updates++;
      return progress.updates % TOLD_UPDATES === 0 ? told() : null;
    },
  };
}

const astray = (figure: string, update: number, { rates }: Method) =>
  diverged(
    `\`${figure}\``,
    { update },
    Object.fromEntries(Object.entries(rates).map(([option, rate]) => [`algorithm.${option}`, rate])),
    "lower the learning rate, or scale rewards and observations",
  );

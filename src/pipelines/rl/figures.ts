/** @file What is told of an update: the learner's figures, with those of episodes and of speed, under CleanRL's names. */
import type { Learner, Metrics } from "./algorithm.ts";
import type { Episodes } from "./episodes.ts";

/** @param rate environment steps a second */
export function figuresOf(
  latest: Metrics,
  { learner, episodes, rate }: { readonly learner: Learner; readonly episodes: Episodes; readonly rate: number },
): Metrics {
  const ended = episodes.take();
  return {
    ...latest,
    ...(ended === null
      ? {}
      : { "charts/episodic_return": ended.meanReturn, "charts/episodic_length": ended.meanLength }),
    ...(episodes.count === 0 ? {} : { "charts/mean_return_100": episodes.recentReturn }),
    "charts/SPS": rate,
    global_step: learner.steps,
    updates: learner.updates,
    episodes: episodes.count,
  };
}

/** Environment steps a second from here on. */
export function createRate(learner: Learner): () => number {
  const [began, first] = [performance.now(), learner.steps];
  return () => (learner.steps - first) / Math.max((performance.now() - began) / 1000, 1e-9);
}

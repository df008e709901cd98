/** @file Methods of policies at work: acting, in episodes that the host begins and ends too, and playing whole ones. */
import { z } from "zod";
import { choiceOrName, count, modelId, seed, wireNumber } from "../schemas/primitives.ts";
import { metrics, runId, warnings } from "../schemas/run.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const episode = z.string().min(1).max(200).describe("the episode's name, as `policy.act` was given it");

const scores = z.looseObject({
  episodes: count.describe("episodes that were played"),
  meanReturn: wireNumber.describe("the mean of their returns"),
  standardDeviation: wireNumber.describe("of the returns"),
  minReturn: wireNumber.describe("the worst"),
  maxReturn: wireNumber.describe("the best"),
  meanLength: wireNumber.describe("the mean of their lengths, in steps"),
  returns: z.array(wireNumber).describe("each episode's return"),
});

export const policyMethods = {
  "policy.act": {
    summary:
      "What a policy does for some observations: without learning, or in episodes that the host begins and ends.",
    description:
      "With `model`, nothing is learned and nothing kept: a policy with a memory answers `state`, which goes into the next call. Of a policy in training the weights published last answer. With `run` (of a host's environment) and `episodes`, each row belongs to the episode of that name, which begins with its first row; actions are drawn; what they bring is told by `policy.reward` and `policy.end`, whenever it is known, and learned from in the background as soon as a rollout's worth of steps is whole. An episode longer than two rollouts of a copy is learned from in pieces, oldest steps first.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH", "NON_FINITE", "DTYPE_UNSUPPORTED", "PATH_DENIED"],
    params: params({
      model: modelId.optional(),
      run: runId.optional(),
      episodes: z
        .array(z.string().min(1).max(200))
        .min(1)
        .max(65_536)
        .optional()
        .describe("with `run`: the name of each row's episode; a new name begins one"),
      observations: wireTensor.describe("[rows, ...shape of the observation space]"),
      mask: wireTensor.optional().describe("[rows, choices], 1 where a choice is allowed"),
      state: z.array(wireTensor).optional().describe("what is remembered, from the last answer; left out, nothing"),
      deterministic: z.boolean().optional().describe("the most likely action (default), or one drawn as in training"),
      seed: seed.optional().describe("of the draw; the same seed gives the same actions"),
    }),
    result: z.looseObject({
      actions: tensorObject.describe("one for each row, as the action space says"),
      values: tensorObject.describe("[rows], the discounted return that is expected"),
      logProbs: tensorObject.describe("[rows], the logarithm of each action's likelihood"),
      state: z
        .array(tensorObject)
        .optional()
        .describe("with `model`: what is remembered now, of a policy with a memory"),
      steps: z.array(count).optional().describe("with `run`: which step of its episode each action is, from 0"),
      update: metrics.optional().describe("with `run`: of an update made since the last answer"),
      warnings,
    }),
    example: {
      params: { model: "m_1", observations: [[0.02, 0.19, 0.03, -0.27]] },
      result: {
        actions: { dtype: "I32", shape: [1], values: [0] },
        values: { dtype: "F32", shape: [1], values: [41.2] },
        logProbs: { dtype: "F32", shape: [1], values: [-0.11] },
      },
    },
  },

  "policy.reward": {
    summary: "What an action of an episode brought, as soon as that is known; several rewards of a step add up.",
    errors: ["NOT_FOUND", "INVALID_STATE", "NON_FINITE"],
    params: params({
      run: runId,
      episode: episode,
      reward: wireNumber.describe("what to add"),
      step: count
        .optional()
        .describe("to the reward of which step, as `policy.act` answered it; the last when left out"),
    }),
    result: z.looseObject({
      step: count.describe("the step that it was added to"),
      update: metrics.optional().describe("of an update made since the last answer"),
      warnings,
    }),
  },

  "policy.end": {
    summary: "An episode is over: what is still missing of it is learned from.",
    errors: ["NOT_FOUND", "INVALID_STATE", "NON_FINITE", "SHAPE_MISMATCH"],
    params: params({
      run: runId,
      episode: episode,
      reward: wireNumber.optional().describe("what its last action brought, in addition to what was told"),
      truncated: z
        .boolean()
        .optional()
        .describe("whether it was only cut short, so that more would have come (default: nothing would)"),
      observations: wireTensor.optional().describe("[1, ...]: what was seen last, needed where it was cut short"),
    }),
    result: z.looseObject({
      steps: count.describe("its steps"),
      return: wireNumber.describe("the sum of its rewards"),
      update: metrics.optional().describe("of an update made since the last answer"),
      warnings,
    }),
  },

  "policy.evaluate": {
    summary: "How well a policy plays whole episodes in an environment inside.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH"],
    params: params({
      model: modelId,
      environment: choiceOrName.optional().describe("where to play; where it learned when left out"),
      episodes: z.int().positive().max(100_000).optional().describe("how many (default 100)"),
      deterministic: z.boolean().optional().describe("the most likely actions (default), or drawn ones"),
      seed: seed.optional().describe("where episodes come from (default 0)"),
    }),
    result: scores,
    example: {
      params: { model: "m_1", episodes: 100 },
      result: {
        episodes: 100,
        meanReturn: 500,
        standardDeviation: 0,
        minReturn: 500,
        maxReturn: 500,
        meanLength: 500,
        returns: [500, 500],
      },
    },
  },
} as const satisfies Record<string, Method>;

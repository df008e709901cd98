/** @file What a host asks of a run whose environment is its own: steps of all copies, and actions, rewards and ends of single episodes. */
import { actionArray, type FreeEpisodes, type Hosting, type Metrics } from "../pipelines/index.ts";
import { encodeTensor } from "../protocol/encodeTensor.ts";
import { Refusal, toWireError } from "../protocol/errors.ts";
import { encodeMessage } from "../protocol/framing.ts";
import { decodeTensor, type TensorValue } from "../protocol/tensor.ts";
import type { CurrentRun } from "./currentRun.ts";
import { createFamiliarSteps } from "./familiarSteps.ts";
import { type OpenedRun, publishIfDue, publishRun, saveIfDue } from "./openedRun.ts";
import { plainStep } from "./plainStep.ts";
import { regionReader } from "./regions.ts";
import type { RunDesk, RunSetting } from "./runDesk.ts";

export interface HostedCalls {
  readonly calls: Pick<RunDesk, "step" | "line" | "act" | "reward" | "end" | "show">;
  /** Learns one piece of what single episodes gave. @returns whether there is more */
  learn(): boolean;
  /** The run, once what single episodes taught has been learned, unless that is done between calls. */
  caughtUp(): OpenedRun;
}

export function hostedCalls(current: CurrentRun, { roots, notify }: RunSetting): HostedCalls {
  /** What the last updates from single episodes were like, until it is told. */
  let latest: Metrics | null = null;

  const tensor = (value: unknown, path: string): TensorValue =>
    decodeTensor(value, { path, readRegion: regionReader(roots) });

  /** The update that was made since it was asked last. */
  function told(): { update?: Metrics } {
    const update = latest;
    latest = null;
    return { ...(update === null ? {} : { update }), ...current.warnings.take() };
  }

  function caughtUp(): OpenedRun {
    while (!current.get().spec.background && learn());
    return current.get();
  }

  function learn(): boolean {
    const own = current.find();
    if (own === null || !own.learner.pending) return false;
    const { learner, free } = own;
    try {
      const figures = current.learning(own, () => learner.advance());
      if (figures !== null) latest = free?.told(figures) ?? figures;
    } catch (thrown) {
      const { message, data } = toWireError(thrown);
      current.warnings.add({ code: data.reason, message, hint: data.hint ?? "" });
      return false;
    }
    if (latest !== null) publishIfDue(own, notify);
    if (!learner.pending) saveIfDue(own, notify);
    return learner.pending;
  }

  /** Lines of a host that are read already, as far as they are the same. */
  const familiar = createFamiliarSteps();

  function step(told: Parameters<Hosting["step"]>[0], form: "values" | undefined) {
    const own = current.get();
    const { hosting } = own;
    if (hosting === null) throw insideAlready();
    const { actions, update } = current.learning(own, () => hosting.step(told));
    if (update !== null) keep(own);
    return {
      actions: encodeTensor(actions as TensorValue, { form }),
      ...(update === null ? {} : { update }),
      ...current.warnings.take(),
    };
  }

  const calls: HostedCalls["calls"] = {
    step({ group = 0, reset, form, ...sent }) {
      const decoded = Object.fromEntries(Object.entries(sent).map(([field, value]) => [field, tensor(value, field)]));
      return step({ ...decoded, group, reset } as never, form as "values");
    },

    line({ id, text }) {
      const read = familiar.read(text, id);
      if (read !== null) return answerTo(id, step({ group: 0, ...read } as never, undefined));
      const params = plainStep(text, id, current.get().id);
      if (params === null) return null;
      const result = calls.step(params);
      familiar.note(text, id, params);
      return answerTo(id, result);
    },

    act({ episodes, observations, mask, form }) {
      const own = caughtUp();
      const sentMask = mask === undefined ? undefined : tensor(mask, "mask");
      const { choice, count, steps } = freeOf(own).act(
        episodes as string[],
        tensor(observations, "observations") as never,
        sentMask as never,
      );
      const rows = (data: Float32Array) =>
        encodeTensor({ dtype: "F32", shape: [count], data }, { form: form as "values" });
      const actions = actionArray(choice.applied, { policy: own.spec.policy, count });
      return {
        actions: encodeTensor(actions as TensorValue, { form: form as "values" }),
        values: rows(choice.values),
        logProbs: rows(choice.logProbs),
        steps,
        ...told(),
      };
    },

    reward({ episode, reward, step }) {
      return { ...freeOf(caughtUp()).reward(episode as string, Number(reward), step as number), ...told() };
    },

    end({ episode, reward, truncated, observations }) {
      const last = observations === undefined ? undefined : tensor(observations, "observations");
      const gain = reward === undefined ? undefined : Number(reward);
      return { ...freeOf(caughtUp()).end(episode as string, gain, truncated === true, last as never), ...told() };
    },

    show() {
      const own = caughtUp();
      const { learner, hosting, record } = own;
      if (hosting !== null && learner.updates > 0 && learner.updates !== record.policy.updates) publishRun(own, notify);
      return {};
    },
  };

  /** After an update. */
  function keep(own: OpenedRun): void {
    publishIfDue(own, notify);
    saveIfDue(own, notify);
  }

  return { calls, learn, caughtUp };
}

/** The line that answers a step. */
const answerTo = (id: number | string, result: object): string => encodeMessage({ jsonrpc: "2.0", id, result });

/** @throws INVALID_STATE for a run inside */
function freeOf({ free }: OpenedRun): FreeEpisodes {
  if (free === null) throw insideAlready();
  return free;
}

function insideAlready(): Refusal {
  return new Refusal("INVALID_STATE", "this run's environment is inside, and is stepped there", {
    hint: 'call `rl.train`, or create a run with `"environment": {"type": "host", …}`',
  });
}

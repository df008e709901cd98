/** @file The method that starts a training. */
import { startTraining } from "../training.ts";
import type { Handlers } from "./index.ts";
import { inLine } from "./inference.ts";
import { viewOf } from "./jobs.ts";

export const trainingMethods: Handlers<`train.${string}`> = {
  "train.start"(params, session, call, id) {
    const model = session.models.get(params.model);
    return inLine(model, session, call, async () => ({
      job: viewOf(await startTraining(id, model, params, session, call), session),
    }));
  },
};

/** @file The method that starts a training. */
import { startTraining } from "../training.ts";
import type { Handlers } from "./index.ts";
import { viewOf } from "./jobs.ts";

export const trainingMethods: Handlers<`train.${string}`> = {
  "train.start"(params, session, call) {
    const model = session.models.get(params.model);
    return session.lanes.run(model.id, async () => ({
      job: viewOf(await startTraining(model, params, session, call), session),
    }));
  },
};

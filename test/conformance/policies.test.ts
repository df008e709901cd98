/** @file Policies at work over the wire, asked for what they can and cannot do. */
import { expect, it } from "vitest";
import { startSidecar } from "../support/sidecar.ts";

it("a policy answers no rows with no actions, and refuses a mask that it would not look at", async () => {
  const sidecar = startSidecar();
  await sidecar.call("rl.create", { environment: { type: "Pendulum-v1" }, algorithm: { type: "ppo", numSteps: 8 } });
  const { job } = await sidecar.call("rl.train", { run: "r_1", totalSteps: 32 });
  await sidecar.call("jobs.wait", { jobId: job.id });
  const none = { dtype: "F32", shape: [0, 3], values: [] };
  expect(await sidecar.call("policy.act", { model: "m_1", observations: none })).toMatchObject({
    actions: { shape: [0, 1], values: [] },
    values: { shape: [0], values: [] },
  });
  const { error } = await sidecar.ask("policy.act", { model: "m_1", observations: [[0, 0, 0]], mask: [[1]] });
  expect(error.data).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path: "mask" }] });
});

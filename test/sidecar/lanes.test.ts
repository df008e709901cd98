/** @file First in, first out by model. */
import { expect, it } from "vitest";
import { createLanes } from "../../src/sidecar/lanes.ts";

const later = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

it("runs at once, without a promise, when nothing is before it", () => {
  expect(createLanes().run("m_1", () => 7)).toBe(7);
});

it("keeps the order within a lane, however long each takes", async () => {
  const lanes = createLanes();
  const order: number[] = [];
  const tasks = [20, 0, 10].map((milliseconds, index) =>
    lanes.run("m_1", async () => {
      await later(milliseconds);
      order.push(index);
    }),
  );
  await Promise.all(tasks);
  expect(order).toEqual([0, 1, 2]);
});

it("does not let one lane wait for another", async () => {
  const lanes = createLanes();
  let slowEnded = false;
  const slow = lanes.run("m_1", async () => {
    await later(20);
    slowEnded = true;
  });
  await lanes.run("m_2", async () => {});
  expect(slowEnded).toBe(false);
  await slow;
});

it("goes on after a task that failed", async () => {
  const lanes = createLanes();
  const failing = lanes.run("m_1", () => Promise.reject(new Error("no")));
  const next = lanes.run("m_1", () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});

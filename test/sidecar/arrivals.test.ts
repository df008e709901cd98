/** @file Names on their way. */
import { expect, it } from "vitest";
import { createArrivals } from "../../src/sidecar/arrivals.ts";

it("lets those through at once who name nothing that is on its way", () => {
  const arrivals = createArrivals();
  void arrivals.announce(["j_1"], new Promise(() => {}));
  expect(arrivals.of(["j_2", "m_1"])).toBe(null);
});

it("lets those wait who name what is on its way, until it arrives", async () => {
  const arrivals = createArrivals();
  const order: string[] = [];
  const arrival = Promise.resolve().then(() => order.push("arrived"));
  void arrivals.announce(["m_1", "digits"], arrival);
  await arrivals.of(["digits"])?.then(() => order.push("found"));
  expect(order).toEqual(["arrived", "found"]);
  expect(arrivals.of(["m_1", "digits"])).toBe(null);
});

it("ends the waiting for what fails, and leaves the failure to who asked for it", async () => {
  const arrivals = createArrivals();
  const failing = arrivals.announce(["d_1"], Promise.reject(new Error("no such file")));
  await arrivals.of(["d_1"]);
  await arrivals.none();
  await expect(failing).rejects.toThrow("no such file");
});

/** @file The catalog over the wire: whole or in part, so that a host that reads short lines sees all of it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

let sidecar: Sidecar;
beforeAll(() => {
  sidecar = startSidecar({ shared: true });
});
afterAll(() => void sidecar.child.kill("SIGKILL"));

const entries = (catalog: Json): Json[] => Object.values(catalog).flat();

it("fits in a short line without schemas, and kind by kind with them", async () => {
  const index = await sidecar.call("runtime.catalog", { schemas: false });
  expect(index.$spill).toBeUndefined();
  expect(entries(index).every(({ type, description, options }) => type && description && !options)).toBe(true);
  for (const [kind, listed] of Object.entries(index)) {
    const { [kind]: full, ...others } = await sidecar.call("runtime.catalog", { kind });
    expect(others).toEqual({});
    expect(full.map(({ type }: Json) => type)).toEqual((listed as Json[]).map(({ type }) => type));
    expect(full.every(({ options }: Json) => options.type === "object")).toBe(true);
  }
});

it("tells of one name alone, wherever it stands", async () => {
  const { backbones, ...others } = await sidecar.call("runtime.catalog", { type: "lstm" });
  expect(others).toEqual({});
  expect(backbones).toMatchObject([{ type: "lstm", options: { properties: { hidden: { type: "integer" } } } }]);
});

it.each([
  [{ kind: "backbone" }, "kind", "backbones"],
  [{ type: "lsmt" }, "type", "lstm"],
  [{ kind: "heads", type: "classifcation" }, "type", "classification"],
])("refuses %j, and says what was meant", async (params, path, meant) => {
  const { error } = await sidecar.ask("runtime.catalog", params);
  expect(error.data).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path }] });
  expect(error.data.hint).toContain(meant);
});

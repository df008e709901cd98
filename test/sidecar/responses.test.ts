import { expect, test } from "vitest";
import { responseLine } from "../../src/sidecar/responses.ts";

test("an answer that fits neither a line nor a file is an error that says so", async () => {
  const scratch = { path: () => "/no/such/folder/1.json", reserve: () => "", answered: () => {}, remove: () => {} };
  const line = await responseLine({ id: 7, result: { text: "x".repeat(10_000) } }, 4096, scratch);
  const { id, error } = JSON.parse(line);
  expect(id).toBe(7);
  expect(error.data).toMatchObject({ reason: "LIMIT_EXCEEDED", hint: expect.stringContaining("TMPDIR") });
});

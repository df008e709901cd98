/** @file The generated document: complete, closed, and plain JSON. */
import { expect, it } from "vitest";
import { createOpenRpcDocument, ERRORS, EVENTS, METHODS } from "../../src/protocol/index.ts";

const document = createOpenRpcDocument("1.2.3");

it("lists every method, event and error", () => {
  expect(document.methods.map(({ name }) => name)).toEqual(Object.keys(METHODS));
  expect(Object.keys(document["x-events"])).toEqual(Object.keys(EVENTS));
  expect(Object.keys(document.components.errors)).toEqual(Object.keys(ERRORS));
});

it("refers only to what it has", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
  const missing = references.filter((reference) => {
    const [, , kind, name] = reference.split("/");
    return !(name! in document.components[kind as "schemas" | "errors"]);
  });
  expect(references.length).toBeGreaterThan(100);
  expect(missing).toEqual([]);
});

it("says which params are required", () => {
  const start = document.methods.find(({ name }) => name === "train.start")!;
  expect(start.params.filter(({ required }) => required).map(({ name }) => name)).toEqual(["model", "data"]);
});

it("describes every member that it requires, one called `id` too", () => {
  const incomplete: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    const { required, properties } = value as { required?: unknown; properties?: Record<string, unknown> };
    if (Array.isArray(required) && properties !== undefined) {
      for (const name of required) if (!(name in properties)) incomplete.push(`${path}.${name}`);
    }
    for (const [key, member] of Object.entries(value)) visit(member, `${path}.${key}`);
  };
  visit(document.components.schemas, "schemas");
  visit(document.methods, "methods");
  expect(incomplete).toEqual([]);
  expect(document.components.schemas.Job).toHaveProperty(["properties", "id"]);
});

it("is the same after a way through JSON", () => {
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
});

/** Paths of members that say nothing about themselves. */
function silent(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { properties } = value as { properties?: Record<string, { description?: string; $ref?: string }> };
  const own = Object.entries(properties ?? {}).filter(
    ([, member]) => member.description === undefined && member.$ref === undefined,
  );
  return [
    ...own.map(([name]) => `${path}.${name}`),
    ...Object.entries(value).flatMap(([key, member]) => silent(member, `${path}.${key}`)),
  ];
}

it("describes every member of every params, result, event and type", () => {
  expect(silent(document, "")).toEqual([]);
});

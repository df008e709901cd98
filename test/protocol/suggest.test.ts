/** @file "Did you mean": near enough to help, far enough not to mislead. */
import { expect, it } from "vitest";
import { nearest, suggestion } from "../../src/protocol/index.ts";

it.each([
  ["adm", "adam"],
  ["adam_w", "adamw"],
  ["ADAM", "adam"],
  ["rmspprop", "rmsprop"],
  ["sdg", "sgd"],
])("%s is near %s", (name, meant) => {
  expect(nearest(name, ["sgd", "adam", "adamw", "rmsprop"])).toBe(meant);
});

it("nothing is near a word of its own", () => {
  expect(nearest("transformer", ["sgd", "adam"])).toBeUndefined();
});

it("a short list is shown where nothing is near", () => {
  expect(suggestion("transformer", ["sgd", "adam"])).toBe("known: sgd, adam");
  expect(suggestion("transformer", ["sgd", "adam"], 1)).toBeUndefined();
});

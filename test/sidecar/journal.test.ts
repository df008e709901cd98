/** @file The event journal on disk: what was whole when the process died is there afterwards. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openJournal } from "../../src/sidecar/journal.ts";
import { temporaryDirectory } from "../support/sidecar.ts";

const event = (seq: number) => ({
  jobId: "j_1",
  seq,
  t: "2026-11-21T10:00:00.000Z",
  type: "train.epoch",
  data: { epoch: seq },
});

it("gives back what was appended, after a reopening too", () => {
  const path = join(temporaryDirectory(), "events.ndjson");
  const journal = openJournal(path);
  for (let seq = 1; seq <= 3; seq++) journal.append(event(seq));
  journal.rest();
  const reopened = openJournal(path);
  expect(reopened.read(1, 10)).toEqual([event(2), event(3)]);
  expect(reopened.last).toEqual(event(3));
  reopened.rest();
});

it("removes a last line that was cut short, so that the next one stands alone", () => {
  const path = join(temporaryDirectory(), "events.ndjson");
  const journal = openJournal(path);
  journal.append(event(1));
  journal.rest();
  appendFileSync(path, '{"jobId":"j_1","se');
  const reopened = openJournal(path);
  reopened.append(event(2));
  reopened.rest();
  expect(
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([event(1), event(2)]);
});

it("reads from the file what memory no longer holds", () => {
  const path = join(temporaryDirectory(), "events.ndjson");
  const journal = openJournal(path);
  for (let seq = 1; seq <= 20_000; seq++) journal.append(event(seq));
  expect(journal.read(0, 2)).toEqual([event(1), event(2)]);
  expect(journal.read(19_999, 2)).toEqual([event(20_000)]);
  journal.rest();
});

/** @file The queue of lines on their way out: order, joining, overflow, and the end of the pipe. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { createOutbox } from "../../src/sidecar/outbox.ts";
import { temporaryDirectory } from "../support/sidecar.ts";

type Done = (error?: Error | null) => void;

/** A host that takes a write only when told to. */
function slowHost() {
  const writes: Buffer[] = [];
  const pending: Done[] = [];
  return {
    /** What was written, write by write. */
    texts: () => writes.map((bytes) => bytes.toString("utf8")),
    text: () => Buffer.concat(writes).toString("utf8"),
    sink: {
      write(text: string | Uint8Array, done: Done) {
        writes.push(Buffer.from(text as string));
        pending.push(done);
      },
    },
    take: (error?: Error) => pending.shift()!(error),
    get waiting() {
      return pending.length > 0;
    },
  };
}

const nowhere = () => {
  throw new Error("nothing should overflow here");
};
const ignore = () => {};

it("joins what arrives during a write into the next one", () => {
  const host = slowHost();
  const outbox = createOutbox(host.sink, nowhere, ignore, ignore);
  for (const line of ["a\n", "b\n", "c\n"]) outbox.send(line);
  host.take();
  expect(host.texts()).toEqual(["a\n", "b\nc\n"]);
});

it("keeps order and every line when more waits than memory may hold", () => {
  const host = slowHost();
  const path = join(temporaryDirectory(), "overflow");
  const outbox = createOutbox(host.sink, () => path, ignore, ignore);
  const lines = Array.from({ length: 300 }, (_, index) => `${index}${"é".repeat(40_000)}\n`);
  for (const line of lines.slice(0, 250)) outbox.send(line);
  for (let turn = 0; turn < 5; turn++) host.take();
  for (const line of lines.slice(250)) outbox.send(line);
  while (host.waiting) host.take();
  expect(host.text() === lines.join("")).toBe(true);
  expect(outbox.backlog()).toBe(0);
});

it("calls back when everything has left, and each time nothing waits any more", () => {
  const host = slowHost();
  let drained = 0;
  const outbox = createOutbox(host.sink, nowhere, ignore, () => drained++);
  let empty = false;
  outbox.send("a\n");
  outbox.send("b\n");
  outbox.whenEmpty(() => {
    empty = true;
  });
  host.take();
  expect([empty, drained]).toEqual([false, 0]);
  host.take();
  expect([empty, drained]).toEqual([true, 1]);
});

it("says once that the pipe is broken, and drops what comes later", () => {
  const host = slowHost();
  const errors: string[] = [];
  const outbox = createOutbox(host.sink, nowhere, (error) => errors.push(error.message), ignore);
  outbox.send("a\n");
  outbox.send("b\n");
  host.take(new Error("EPIPE"));
  outbox.send("c\n");
  expect([host.texts(), errors]).toEqual([["a\n"], ["EPIPE"]]);
});

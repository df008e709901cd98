import { describe, expect, it } from "vitest";
import { coalesceEpochs, type TrainingEvent } from "../../../src/pipelines/index.ts";

const epoch = (number: number, epochs = 100): TrainingEvent =>
  ({ type: "train.epoch", data: { epoch: number, epochs } }) as TrainingEvent;

/** What is told of events that come at given milliseconds: epochs with what they stand for, others by type. */
function told(events: readonly (readonly [at: number, event: TrainingEvent])[]): (string | [number, number])[] {
  const seen: (string | [number, number])[] = [];
  let time = 0;
  const { emit, flush } = coalesceEpochs(
    ({ type, data }) => seen.push(type === "train.epoch" ? [data.epoch, data.skipped ?? 0] : type),
    () => time,
  );
  for (const [at, event] of events) {
    time = at;
    emit(event);
  }
  flush();
  return seen;
}

describe("epochs that end fast", () => {
  it("are told twenty times a second, the newest for those before it", () => {
    const events = Array.from({ length: 100 }, (_, index) => [index * 10, epoch(index + 1)] as const);
    expect(told(events).slice(0, 3)).toEqual([
      [1, 0],
      [6, 4],
      [11, 4],
    ]);
    expect(told(events).at(-1)).toEqual([100, 3]);
  });

  it("are all told when there is time", () => {
    expect(
      told([
        [0, epoch(1)],
        [50, epoch(2)],
        [200, epoch(3)],
      ]),
    ).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  it("come before what is told after them", () => {
    const saved: TrainingEvent = { type: "checkpoint.saved", data: { epoch: 2, step: 2 } };
    expect(
      told([
        [0, epoch(1)],
        [1, epoch(2)],
        [2, saved],
      ]),
    ).toEqual([[1, 0], [2, 0], "checkpoint.saved"]);
  });

  it("include the last, wherever the training ends", () => {
    expect(
      told([
        [0, epoch(1)],
        [1, epoch(2)],
        [2, epoch(3)],
      ]),
    ).toEqual([
      [1, 0],
      [3, 1],
    ]);
  });
});

/** @file Jobs' events: their order, their numbers, and what happens to progress that nobody has time to read. */
import { describe, expect, it } from "vitest";
import { createJobs } from "../../src/sidecar/jobs.ts";
import type { JobEvent } from "../../src/sidecar/journal.ts";
import { sleep } from "../support/sidecar.ts";

const REQUEST = { id: "j_1", kind: "train", model: "m_1", params: {} } as const;

/** Jobs whose host has `unread` bytes to take. */
function hosted() {
  const sent: JobEvent[] = [];
  const host = { unread: 0 };
  const jobs = createJobs(
    null,
    (event) => sent.push(event),
    () => host.unread,
  );
  return { jobs, sent, host, told: () => sent.map(({ seq, type }) => `${seq} ${type}`) };
}

describe("a job's events", () => {
  it("wait until the response that announces the job is on its way", () => {
    const { jobs, told } = hosted();
    const job = jobs.open(REQUEST);
    jobs.emit(job, "job.started", {});
    expect(told()).toEqual([]);
    jobs.release(job);
    expect(told()).toEqual(["1 job.started"]);
  });

  it("count from 1 without gaps, and end with exactly one last event", () => {
    const { jobs, told } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    for (let epoch = 1; epoch <= 3; epoch++) jobs.emit(job, "train.epoch", { epoch });
    jobs.finish(job, "completed", { result: { epochs: 3 } });
    expect(told()).toEqual(["1 train.epoch", "2 train.epoch", "3 train.epoch", "4 job.completed"]);
  });

  it("tell progress ten times a second at most, and the newest of what came meanwhile", async () => {
    const { jobs, sent } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    for (let done = 1; done <= 50; done++) jobs.emit(job, "train.progress", { done });
    expect(sent.map(({ data }) => data)).toEqual([{ done: 1 }]);
    await sleep(150);
    expect(sent.map(({ data }) => data)).toEqual([{ done: 1 }, { done: 50 }]);
  });

  it("hold progress back while the host does not read, then tell the newest and how many were dropped", () => {
    const { jobs, sent, host } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    host.unread = 1;
    for (let done = 1; done <= 5; done++) jobs.emit(job, "train.progress", { done });
    expect(sent).toEqual([]);
    host.unread = 0;
    jobs.flushProgress();
    expect(sent.map(({ data }) => data)).toEqual([{ done: 5, dropped: 4 }]);
  });

  it("drop nothing but progress, whether the host reads or not", () => {
    const { jobs, host, told } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    host.unread = 1e9;
    jobs.emit(job, "train.progress", { done: 1 });
    jobs.emit(job, "train.epoch", { epoch: 1 });
    jobs.emit(job, "train.epoch", { epoch: 2 });
    jobs.finish(job, "cancelled", {});
    expect(told()).toEqual(["1 train.epoch", "2 train.epoch", "3 job.cancelled"]);
  });

  it("are replayed from any point", () => {
    const { jobs, sent } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    for (let epoch = 1; epoch <= 5; epoch++) jobs.emit(job, "train.epoch", { epoch });
    expect(jobs.events(job, 0, 100)).toEqual(sent);
    expect(jobs.events(job, 2, 2)).toEqual(sent.slice(2, 4));
    expect(jobs.events(job, 5, 2)).toEqual([]);
  });

  it("call all who wait, once, and at once those who come too late", () => {
    const { jobs } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    let calls = 0;
    const call = () => calls++;
    jobs.whenEnded(job, call);
    jobs.whenEnded(job, call)();
    jobs.finish(job, "failed", {});
    expect(calls).toBe(1);
    jobs.whenEnded(job, call);
    expect(calls).toBe(2);
  });
});

describe("jobs that have ended", () => {
  it("are forgotten, the oldest first, once there are many; those under way and those to be resumed are not", () => {
    const { jobs } = hosted();
    const open = (number: number) => jobs.open({ ...REQUEST, id: `j_${number}` });
    const running = open(1);
    jobs.interrupt(open(2));
    for (let number = 3; number < 303; number++) {
      const job = open(number);
      jobs.release(job);
      jobs.finish(job, "completed", {});
    }
    const kept = jobs.list().map(({ id }) => id);
    expect(kept.slice(0, 3)).toEqual([running.id, "j_2", "j_47"]);
    expect(kept).toHaveLength(258);
    expect(() => jobs.get("j_3")).toThrow("there is no job");
  });

  it("still tell their newest events", () => {
    const { jobs, sent } = hosted();
    const job = jobs.open(REQUEST);
    jobs.release(job);
    for (let epoch = 1; epoch <= 2000; epoch++) jobs.emit(job, "train.epoch", { epoch });
    jobs.finish(job, "completed", {});
    expect(jobs.events(job, 1990, 100)).toEqual(sent.slice(1990));
  });
});

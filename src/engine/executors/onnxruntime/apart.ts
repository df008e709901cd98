/**
 * @file ONNX models in processes of their own: ending a thread in the middle of a run aborts the whole process, and so may a
 * file that the library chokes on. The child is a few lines of source, so that it needs no file beside a bundle.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { Fault } from "../../fault.ts";
import type { NdArray } from "../../shape.ts";
import { findOnnxruntime, missingOnnxruntime } from "./find.ts";
import {
  arrayOf,
  feedOf,
  type PlainTensor,
  refusedInputs,
  refusedModel,
  type StringArray,
  sessionOptions,
} from "./session.ts";

/** It ends with whoever started it: a thread of its own looks, because a run blocks the first. */
const SOURCE = `
const { Worker } = require("node:worker_threads");
const watch = "const { ppid } = process; setInterval(() => process.ppid === ppid || process.kill(process.pid, 'SIGKILL'), 200)";
new Worker(watch, { eval: true }).unref();
process.once("disconnect", () => process.exit());
let session, Tensor;
process.on("message", async ({ open, feeds }) => {
  let stage = "load";
  try {
    if (open !== undefined) {
      const library = require(open.library);
      Tensor = library.Tensor;
      stage = "open";
      session = await library.InferenceSession.create(open.model, open.options);
      process.send({ results: [] });
      return;
    }
    stage = "run";
    const tensors = feeds.map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
    const results = Object.entries(await session.run(Object.fromEntries(tensors)));
    process.send({ results: results.map(([name, { type, data, dims }]) => [name, { type, data, dims }]) });
  } catch (error) {
    process.send({ stage, inputNames: session?.inputNames ?? [], message: error.message });
  }
});
`;

type Reply =
  | { readonly results: readonly (readonly [string, PlainTensor])[] }
  | { readonly stage: "load" | "open" | "run"; readonly inputNames: readonly string[]; readonly message: string };

type Arrays = Readonly<Record<string, NdArray | StringArray>>;

/** A model open in a process of its own. One run at a time; others wait their turn. */
export interface ApartSession {
  /** @throws Fault DATA_INVALID where it refuses the inputs, ENGINE_CRASHED where it dies of them. */
  run(inputs: Arrays): Promise<Arrays>;
  close(): void;
}

/**
 * @param model its bytes, or its path: data that stand in other files are found beside it
 * @throws Fault NOT_FOUND where onnxruntime is missing, ONNX_OPERATOR_UNSUPPORTED where it does not take the model
 */
export async function openApart(model: Uint8Array | string): Promise<ApartSession> {
  const presence = findOnnxruntime();
  if ("missing" in presence) throw missingOnnxruntime(presence.missing);
  const child = spawn(process.execPath, ["-e", SOURCE], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced",
  });
  const ask = asker(child);
  const close = (): void => void child.kill("SIGKILL");
  try {
    const library = createRequire(import.meta.url).resolve("onnxruntime-node");
    await ask({ open: { library, model, options: sessionOptions(1) } });
  } catch (refusal) {
    close();
    throw refusal;
  }
  child.unref();
  child.channel?.unref();
  return {
    async run(inputs) {
      const results = await ask({ feeds: Object.entries(inputs).map(([name, input]) => [name, feedOf(input)]) });
      return Object.fromEntries(results.map(([name, tensor]) => [name, arrayOf(name, tensor)]));
    },
    close,
  };
}

/** One run, and the process is gone. Faults: those of `openApart` and of its `run`. */
export async function runApart(model: Uint8Array | string, inputs: Arrays): Promise<Arrays> {
  const session = await openApart(model);
  try {
    return await session.run(inputs);
  } finally {
    session.close();
  }
}

type Results = Extract<Reply, { results: unknown }>["results"];

/** Questions to a child, one after the other. */
function asker(child: ChildProcess): (question: object) => Promise<Results> {
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    const answer = last.then(() => put(child, question));
    last = answer.catch(() => {});
    return answer;
  };
}

async function put(child: ChildProcess, question: object): Promise<Results> {
  child.ref();
  child.channel?.ref();
  const reply = await new Promise<Reply>((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const message = `onnxruntime ended before it answered: ${String(cause)}`;
      const hint = "the file or the inputs may be more than it can bear; run the model on the engine";
      reject(new Fault("ENGINE_CRASHED", message, { hint, cause }));
    };
    const onMessage = (answer: unknown): void => {
      child.off("error", fail).off("exit", onExit);
      resolve(answer as Reply);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off("message", onMessage);
      fail(signal ?? `code ${code}`);
    };
    child.once("message", onMessage).once("error", fail).once("exit", onExit);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
    else child.send(question, (error) => error && fail(error));
  }).finally(() => {
    child.unref();
    child.channel?.unref();
  });
  if ("results" in reply) return reply.results;
  const cause = new Error(reply.message);
  if (reply.stage === "load") throw missingOnnxruntime(`onnxruntime-node does not load: ${cause.message}`, cause);
  throw reply.stage === "open" ? refusedModel(cause) : refusedInputs(cause, reply.inputNames);
}

/**
 * @file One run of an ONNX model in a process of its own: ending a thread in the middle of a run aborts the whole process, and
 * so may a file that the library chokes on. The child is a few lines of source, so that it needs no file beside a bundle.
 */
import { spawn } from "node:child_process";
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
process.once("message", async ({ library, model, options, feeds }) => {
  let stage = "load", inputNames = [];
  try {
    const { InferenceSession, Tensor } = require(library);
    stage = "open";
    const session = await InferenceSession.create(model, options);
    inputNames = session.inputNames;
    stage = "run";
    const tensors = feeds.map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
    const results = Object.entries(await session.run(Object.fromEntries(tensors)));
    process.send({ results: results.map(([name, { type, data, dims }]) => [name, { type, data, dims }]) });
  } catch (error) {
    process.send({ stage, inputNames, message: error.message });
  }
});
`;

type Reply =
  | { readonly results: readonly (readonly [string, PlainTensor])[] }
  | { readonly stage: "load" | "open" | "run"; readonly inputNames: readonly string[]; readonly message: string };

/**
 * @param model its bytes
 * @throws Fault NOT_FOUND where onnxruntime is missing, ONNX_OPERATOR_UNSUPPORTED where it does not take the model,
 *   DATA_INVALID where it refuses the inputs, ENGINE_CRASHED where it dies of them.
 */
export async function runApart(
  model: Uint8Array,
  inputs: Readonly<Record<string, NdArray | StringArray>>,
): Promise<Record<string, NdArray | StringArray>> {
  const presence = findOnnxruntime();
  if ("missing" in presence) throw missingOnnxruntime(presence.missing);
  const reply = await ask({
    library: createRequire(import.meta.url).resolve("onnxruntime-node"),
    model,
    options: sessionOptions(1),
    feeds: Object.entries(inputs).map(([name, input]) => [name, feedOf(input)]),
  });
  if ("results" in reply)
    return Object.fromEntries(reply.results.map(([name, tensor]) => [name, arrayOf(name, tensor)]));
  const cause = new Error(reply.message);
  if (reply.stage === "load") throw missingOnnxruntime(`onnxruntime-node does not load: ${cause.message}`, cause);
  throw reply.stage === "open" ? refusedModel(cause) : refusedInputs(cause, reply.inputNames);
}

function ask(question: object): Promise<Reply> {
  const child = spawn(process.execPath, ["-e", SOURCE], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced",
  });
  return new Promise<Reply>((resolve, reject) => {
    const fail = (cause: unknown) => {
      const message = `onnxruntime ended before it answered: ${String(cause)}`;
      reject(
        new Fault("ENGINE_CRASHED", message, { hint: "export with `verify: false` to leave this check out", cause }),
      );
    };
    child.once("message", (reply) => resolve(reply as Reply));
    child.once("error", fail);
    child.once("exit", (code, signal) => fail(signal ?? `code ${code}`));
    child.send(question, (error) => error && fail(error));
  }).finally(() => child.kill("SIGKILL"));
}

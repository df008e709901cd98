/** @file Methods about the process itself: who it is, how it is, what it can, and its end. */
import { z } from "zod";
import { JOB_STATES } from "../schemas/job.ts";
import { count, name, wireNumber } from "../schemas/primitives.ts";
import { type Method, noParams, params } from "./define.ts";

export const PROTOCOL_VERSION = "1";

const limits = z
  .looseObject({
    maxLineBytes: count.describe("the longest line that the sidecar writes"),
    maxInputLineBytes: count.describe("the longest line that it takes"),
    maxBatch: count.describe("messages in a batch"),
    maxDepth: count.describe("levels of nesting in a message"),
    maxInFlight: count.describe("requests without an answer yet"),
  })
  .describe("limits of this session");

const catalogEntry = z.looseObject({
  type: z.string().describe("its name, as specs take it"),
  description: z.string().describe("what it is, in one sentence"),
  options: z.looseObject({}).optional().describe("the JSON Schema of its options, unless `schemas` is false"),
});

export const runtimeMethods = {
  "runtime.initialize": {
    summary: "Introduce the client, and learn what the sidecar is and can.",
    description: "Optional: every other method works without it.",
    immediate: true,
    errors: ["PROTOCOL_VERSION_UNSUPPORTED"],
    params: params({
      client: z
        .strictObject({ name: name.describe("the program"), version: z.string().optional().describe("its version") })
        .optional()
        .describe("who is calling, for the log"),
      protocolVersion: z
        .string()
        .optional()
        .describe(`the version of this protocol that the client speaks; now "${PROTOCOL_VERSION}"`),
      parentPid: z
        .int()
        .positive()
        .optional()
        .describe("a process whose end ends the sidecar too, even while something else holds its standard input open"),
      limits: z
        .strictObject({
          maxLineBytes: z
            .int()
            .min(4096)
            .max(1024 * 1024 * 1024)
            .optional()
            .describe("the longest line that the client can read, in bytes (default 61440)"),
        })
        .optional()
        .describe("what the client can take"),
      optOut: z.array(z.string()).optional().describe("event types not to send; last events of jobs are always sent"),
    }),
    result: z.looseObject({
      server: z
        .looseObject({
          name: z.string().describe("ml-sidecar"),
          version: z.string().describe("its version"),
          protocolVersions: z.array(z.string()).describe("the versions that it speaks"),
        })
        .describe("who answers"),
      capabilities: z
        .looseObject({
          onnxruntime: z.string().nullable().describe("the version of onnxruntime; null where it is not installed"),
          dataDirectory: z.boolean().describe("whether models, checkpoints and jobs outlive the process"),
          threads: count.describe("threads that compute"),
          plugins: z.array(z.unknown()).describe("what was loaded with --plugin"),
        })
        .describe("what this sidecar can"),
      limits,
    }),
    example: {
      params: { client: { name: "my-agent", version: "1.0" }, limits: { maxLineBytes: 1048576 } },
      result: {
        server: { name: "ml-sidecar", version: "0.1.0", protocolVersions: ["1"] },
        capabilities: { onnxruntime: "1.30.0", dataDirectory: false, threads: 2, plugins: [] },
        limits: { maxLineBytes: 1048576, maxInputLineBytes: 67108864, maxBatch: 64, maxDepth: 64, maxInFlight: 256 },
      },
    },
  },

  "runtime.health": {
    summary: "How the process is: state, memory, jobs, delay of the event loop.",
    immediate: true,
    params: noParams,
    result: z.looseObject({
      live: z.boolean().describe("always true: it answered"),
      ready: z.boolean().describe("whether it takes work"),
      state: z.enum(["starting", "ready", "draining"]).describe("starting, ready, or on its way out"),
      version: z.string().optional().describe("the sidecar's version"),
      uptimeSeconds: z.number().describe("seconds since it started"),
      memory: z
        .looseObject({
          rss: count.describe("bytes of the whole process, as the system counts them"),
          heapUsed: count.describe("bytes of JavaScript objects on the thread that reads"),
        })
        .describe("memory in bytes"),
      jobs: z.partialRecord(z.enum(JOB_STATES), count).describe("how many jobs are in each state"),
      models: count.describe("how many models it holds"),
      inFlight: count.optional().describe("requests without an answer yet"),
      eventLoopDelay: z
        .looseObject({
          p50: wireNumber.describe("median"),
          p99: wireNumber.describe("99th percentile"),
          max: wireNumber.describe("largest"),
        })
        .describe("how late the thread that reads was lately, in milliseconds"),
    }),
    example: {
      params: {},
      result: {
        live: true,
        ready: true,
        state: "ready",
        uptimeSeconds: 1.2,
        memory: { rss: 71303168, heapUsed: 9437184 },
        jobs: { running: 1 },
        models: 1,
        eventLoopDelay: { p50: 0.1, p99: 0.6, max: 1.3 },
      },
    },
  },

  ping: {
    summary: "The shortest question: are you there?",
    immediate: true,
    params: noParams,
    result: z.looseObject({ pong: z.literal(true).describe("yes") }),
    example: { params: {}, result: { pong: true } },
  },

  "runtime.catalog": {
    summary: "Everything that can be named in a spec, each with the JSON Schema of its options.",
    description:
      "All of it is longer than a line of 60 KiB, and goes to a file unless `runtime.initialize` raised the limit: ask with `schemas: false` for names and descriptions, then for one `kind` or `type`.",
    params: params({
      type: z.string().optional().describe("only entries of this name: `lstm`"),
      schemas: z.boolean().optional().describe("whether each comes with the schema of its options (default true)"),
      kind: z
        .string()
        .optional()
        .describe(
          "only one kind: pipelines, backbones, heads, losses, optimizers, schedules, augmentations, datasets, environments, …",
        ),
    }),
    result: z
      .object({ plugins: z.array(z.unknown()).optional().describe("what was loaded with --plugin") })
      .catchall(z.array(catalogEntry))
      .describe(
        "entries by kind: pipelines, backbones, heads, losses, optimizers, schedules, augmentations, datasets, environments",
      ),
  },

  "runtime.shutdown": {
    summary: "End the process: after its work, after a checkpoint, or now.",
    immediate: true,
    params: params({
      mode: z
        .enum(["drain", "checkpoint", "now"])
        .optional()
        .describe(
          "drain: finish jobs first; checkpoint (default): save what can be resumed, stop jobs; now: stop everything",
        ),
    }),
    result: z.looseObject({ state: z.literal("draining").describe("nothing new is taken from here on") }),
    example: { params: { mode: "checkpoint" }, result: { state: "draining" } },
  },

  "rpc.discover": {
    summary: "This document, in OpenRPC's form.",
    params: noParams,
    result: z.looseObject({ openrpc: z.string().describe("the version of the OpenRPC specification") }),
  },

  "$/cancel": {
    summary: "Cancel a request that has not been answered; it is then answered with CANCELLED. A notification.",
    description:
      "A request that has been answered, or never was, is no error. A job outlives the call that started it: see `jobs.cancel`.",
    immediate: true,
    params: params({ id: z.union([z.string(), z.int()]).describe("the id of the request") }),
    result: null,
  },
} as const satisfies Record<string, Method>;

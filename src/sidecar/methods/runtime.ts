/** @file Methods about the sidecar itself. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { MAX_BATCH } from "../../protocol/envelope.ts";
import { Refusal } from "../../protocol/errors.ts";
import { MAX_DEPTH } from "../../protocol/json.ts";
import { PROTOCOL_VERSION } from "../../protocol/methods/runtime.ts";
import { createOpenRpcDocument } from "../../protocol/openrpc.ts";
import { suggestion } from "../../protocol/suggest.ts";
import { MAX_IN_FLIGHT } from "../requests.ts";
import type { Handlers } from "./index.ts";
import { LIGHT } from "./light.ts";

const PROTOCOL_VERSIONS = [PROTOCOL_VERSION];

/** The version of onnxruntime-node, without loading it; null where it is not installed. */
export function onnxruntimeVersion(): string | null {
  try {
    return (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
  } catch {
    return null;
  }
}

export const runtimeMethods: Handlers<`runtime.${string}` | "ping" | "rpc.discover"> = {
  ping: LIGHT.ping,
  "runtime.health": (_params, session) => LIGHT["runtime.health"](session),

  "runtime.initialize"({ protocolVersion, parentPid, limits, optOut, client }, session) {
    if (protocolVersion !== undefined && !PROTOCOL_VERSIONS.includes(protocolVersion)) {
      throw new Refusal(
        "PROTOCOL_VERSION_UNSUPPORTED",
        `protocol version ${JSON.stringify(protocolVersion)} is not spoken here`,
        {
          violations: [
            {
              path: "protocolVersion",
              message: "unknown version",
              expected: PROTOCOL_VERSIONS.join(", "),
              got: protocolVersion,
            },
          ],
          hint: `this sidecar speaks ${PROTOCOL_VERSIONS.join(", ")}`,
          context: { protocolVersions: PROTOCOL_VERSIONS },
        },
      );
    }
    const { connection, settings, version, learning } = session;
    if (limits?.maxLineBytes !== undefined) connection.maxLineBytes = limits.maxLineBytes;
    if (parentPid !== undefined) session.life.alsoWatch(parentPid);
    for (const type of optOut ?? []) session.optedOut.add(type);
    session.log("info", "initialized", { client });
    return {
      server: { name: "ml-sidecar", version, protocolVersions: PROTOCOL_VERSIONS },
      capabilities: {
        onnxruntime: onnxruntimeVersion(),
        dataDirectory: session.store !== null,
        threads: settings.threads ?? availableParallelism(),
        plugins: [...learning.plugins],
      },
      limits: {
        maxLineBytes: connection.maxLineBytes,
        maxInputLineBytes: settings.maxLineBytes,
        maxBatch: MAX_BATCH,
        maxDepth: MAX_DEPTH,
        maxInFlight: MAX_IN_FLIGHT,
      },
    };
  },

  "runtime.catalog"({ kind, type, schemas = true }, { learning: { pipelines, registry } }) {
    const { plugins: _, ...kinds } = pipelines.catalog(registry);
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    refuseUnknown("kind", kind, names);
    const wanted = names.filter((name) => kind === undefined || name === kind);
    const types = wanted.flatMap((name) => kinds[name].map((entry) => entry.type));
    refuseUnknown("type", type, [...new Set(types)]);
    const entries = wanted.map((name) => [
      name,
      kinds[name]
        .filter((entry) => type === undefined || entry.type === type)
        .map(({ options, ...entry }) => (schemas ? { ...entry, options } : entry)),
    ]);
    return Object.fromEntries(entries.filter(([, found]) => type === undefined || found!.length > 0));
  },

  "runtime.shutdown"({ mode = "checkpoint" }, session, call) {
    session.state = "draining";
    call.afterResponse(() => void session.shutdown(mode));
    return { state: "draining" };
  },

  "rpc.discover": (_params, { version }) => ({ ...createOpenRpcDocument(version) }),
};

/** @throws Refusal `INVALID_PARAMS` for what the catalog does not have */
function refuseUnknown(path: string, asked: string | undefined, known: readonly string[]): void {
  if (asked === undefined || known.includes(asked)) return;
  throw new Refusal("INVALID_PARAMS", `the catalog has no ${path} ${JSON.stringify(asked)}`, {
    violations: [{ path, message: `unknown ${path}`, expected: known.join(" | "), got: asked }],
    hint: suggestion(asked, known),
  });
}

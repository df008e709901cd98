/** @file Every generated document by its path, as it should be. */
import { readFileSync } from "node:fs";
import { catalog, createRegistry } from "../../src/pipelines/index.ts";
import { createOpenRpcDocument } from "../../src/protocol/index.ts";
import { catalogPage } from "./catalog.ts";
import { opsPage } from "./ops.ts";
import { protocolPage } from "./protocol.ts";
import { pythonTypes } from "./python.ts";
import { pythonErrors } from "./python-errors.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Text by path from the project's root. */
export function documents(): Readonly<Record<string, string>> {
  const openRpc = createOpenRpcDocument(version);
  return {
    "docs/protocol.md": protocolPage(openRpc),
    "docs/openrpc.json": `${JSON.stringify(openRpc, null, 2)}\n`,
    "docs/ops.md": opsPage(),
    "docs/catalog.md": catalogPage({ ...catalog(createRegistry()) }),
    "clients/python/src/ml_sidecar/_types.py": pythonTypes(openRpc),
    "clients/python/src/ml_sidecar/_reasons.py": pythonErrors(),
  };
}

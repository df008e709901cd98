/**
 * @file `npm run test:newer`: the engine and the process on the Node whose V8 makes vectors of 256 bits of the kernels' (decision
 * 20), which is not the one that all else is tested on. Installs that Node under .cache/, once.
 */
import { spawnSync } from "node:child_process";
import { NEWER_NODE, newerNode } from "../bench/peers.ts";

const FOLDERS = ["test/engine/machine", "test/sidecar/commandline.test.ts", "test/sidecar/training.test.ts"];

const node = await newerNode().catch((error: unknown) => {
  console.error(`Node ${NEWER_NODE} cannot be had from npm's registry: ${error}`);
  process.exit(1);
});
if (node === null) console.log(`this is Node ${process.version}: no other is needed`);
// `--no-liftoff` has every kernel compiled to its best at once: that is where vectors are paired.
const { status } = spawnSync(
  node ?? process.execPath,
  ["--no-liftoff", "node_modules/vitest/vitest.mjs", "run", ...FOLDERS],
  { stdio: "inherit", env: { ...process.env, TEST_SUITE: "newer-node" } },
);
process.exitCode = status ?? 1;

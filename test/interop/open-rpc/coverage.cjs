/**
 * @file The OpenRPC project's test-coverage over a stdio transport: it reads `rpc.discover`, calls every method with its
 * example or with params made from the schemas, and holds each result against the published schema. Prints one JSON line
 * a call. usage: coverage.cjs MODULES SIDECAR (the folder with node_modules, the program)
 */
const { spawn } = require("node:child_process");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

const [modules, sidecar] = process.argv.slice(2);
const need = createRequire(join(modules, "package.json"));
const coverage = need("@open-rpc/test-coverage").default;
const FakerRule = need("@open-rpc/test-coverage/build/rules/json-schema-faker-rule").default;
const ExamplesRule = need("@open-rpc/test-coverage/build/rules/examples-rule").default;
const { parseOpenRPCDocument } = need("@open-rpc/schema-utils-js");

const LARGE = 16 * 1024 * 1024;
/** One is never answered, the other ends the session. */
const NOT_CALLED = ["$/cancel", "runtime.shutdown"];
const silent = { onBegin() {}, onTestBegin() {}, onTestEnd() {}, onEnd() {} };

function connect() {
  const child = spawn(process.execPath, [sidecar], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  let lastId = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  const ask = (method, params) =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  return { ask, close: () => child.stdin.end() };
}

async function main() {
  const { ask, close } = connect();
  await ask("runtime.initialize", { client: { name: "open-rpc" }, limits: { maxLineBytes: LARGE } });
  const { result } = await ask("rpc.discover", {});
  const calls = await coverage({
    openrpcDocument: await parseOpenRPCDocument(result),
    transport: (_url, method, params) => ask(method, Array.isArray(params) ? {} : params),
    reporters: [silent],
    rules: [
      new FakerRule({ skip: NOT_CALLED, only: [], numCalls: 5 }),
      new ExamplesRule({ skip: NOT_CALLED, only: [] }),
    ],
    skip: NOT_CALLED,
    only: [],
  });
  for (const { methodName, params, valid, error, reason } of calls) {
    console.log(JSON.stringify({ method: methodName, params, valid, error, reason }));
  }
  close();
}

main();

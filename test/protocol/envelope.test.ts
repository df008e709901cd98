/** @file JSON-RPC 2.0 as the sidecar takes it: what is a request, what a notification, and what is refused under which id. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batch, encodeMessage, parseMessage } from "../../src/protocol/index.ts";

const parse = (message: unknown) => parseMessage(JSON.stringify(message));
const call = (more: object) => ({ jsonrpc: "2.0", id: 1, method: "ping", ...more });

describe("a request", () => {
  it("has id, method and params, which may be left out", () => {
    expect(parse(call({}))).toEqual({ kind: "request", id: 1, method: "ping", params: {} });
    expect(parse(call({ params: { a: 1 } }))).toEqual({ kind: "request", id: 1, method: "ping", params: { a: 1 } });
  });

  it.each([0, "", -1, 2 ** 53 - 1, "9007199254740993", "é"])("27: may have the id %j", (id) => {
    expect(parse(call({ id }))).toMatchObject({ kind: "request", id });
  });

  it.each(["null", "1.5", "9007199254740992", "9007199254740993", "1e400", "{}", "[1]", "true"])(
    "27: may not have the id %s",
    (id) => {
      expect(parseMessage(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)).toMatchObject({
        kind: "invalid",
        id: null,
        refusal: { reason: "INVALID_REQUEST" },
      });
    },
  );

  it.each([[[1, 2]], ["text"], [null], [3]])("26: may not have params %j", (params) => {
    expect(parse(call({ params }))).toMatchObject({
      kind: "invalid",
      id: 1,
      refusal: { reason: "INVALID_PARAMS", violations: [{ path: "params", expected: "object" }] },
    });
  });

  it.each([{ jsonrpc: "1.0" }, { jsonrpc: 2 }, { jsonrpc: undefined }])(
    "31: must be of version 2.0, not %j",
    (more) => {
      expect(parse(call(more))).toMatchObject({ kind: "invalid", id: 1, refusal: { reason: "INVALID_REQUEST" } });
    },
  );

  it.each([{ method: 1 }, { method: "" }, { method: undefined }])("must name a method, not %j", (more) => {
    expect(parse(call(more))).toMatchObject({ kind: "invalid", id: 1, refusal: { reason: "INVALID_REQUEST" } });
  });

  it("keeps a large integer of its params in all its digits", () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":9007199254740993}}')).toMatchObject({
      params: { n: "9007199254740993" },
    });
  });

  it.each([
    '{"jsonrpc":"2.0","id":"a","method":"x","params":{"n":1e400}}',
    `{"jsonrpc":"2.0", "method":"x", "id":"a", "params":${"[".repeat(100)}${"]".repeat(100)}}`,
    '{"id":"a","jsonrpc":"2.0","method":"x","params":{"__proto__":1}}',
  ])("is refused under its id even when its params cannot be read: %s", (text) => {
    expect(parseMessage(text)).toMatchObject({ kind: "invalid", id: "a", refusal: { reason: "INVALID_REQUEST" } });
  });

  it("15: is refused under no id when it is not JSON", () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":1,')).toMatchObject({
      kind: "invalid",
      id: null,
      refusal: { reason: "PARSE_ERROR" },
    });
  });

  it("is read back as it was encoded", () => {
    const params = fc.dictionary(
      fc.string({ unit: "grapheme" }).filter((key) => key !== "__proto__"),
      fc.jsonValue({ maxDepth: 5 }),
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.maxSafeInteger()),
        fc.string({ minLength: 1 }),
        params,
        (id, method, members) => {
          const message = parseMessage(encodeMessage({ jsonrpc: "2.0", id, method, params: members }).trimEnd());
          expect(JSON.parse(JSON.stringify(message))).toEqual(
            JSON.parse(JSON.stringify({ kind: "request", id, method, params: members })),
          );
        },
      ),
    );
  });
});

describe("a notification", () => {
  it("29: is a message without an id, whatever its method", () => {
    expect(parse({ jsonrpc: "2.0", method: "who/knows" })).toEqual({
      kind: "notification",
      method: "who/knows",
      params: {},
    });
  });

  it("is never answered: what is wrong with its params is for the log", () => {
    expect(parse({ jsonrpc: "2.0", method: "$/cancel", params: [1] })).toMatchObject({
      kind: "notification",
      refusal: { reason: "INVALID_PARAMS" },
    });
  });
});

describe("other messages", () => {
  it.each([
    ["a string", '"hello"'],
    ["a number", "1"],
    ["null", "null"],
    ["true", "true"],
  ])("%s is refused", (_what, text) => {
    expect(parseMessage(text)).toMatchObject({ kind: "invalid", id: null, refusal: { reason: "INVALID_REQUEST" } });
  });

  it("a response is refused under no id, so that it can't answer a request of the same id", () => {
    expect(parse({ jsonrpc: "2.0", id: 1, result: {} })).toMatchObject({ kind: "invalid", id: null });
  });
});

describe("a batch", () => {
  it("30: may mix requests, notifications and nonsense, each judged by itself", () => {
    const batch = parse([call({}), { jsonrpc: "2.0", method: "note" }, 1, []]) as Batch;
    expect(batch.messages.map(({ kind }) => kind)).toEqual(["request", "notification", "invalid", "invalid"]);
  });

  it("30: may not be empty", () => {
    expect(parse([])).toMatchObject({ kind: "invalid", id: null, refusal: { reason: "INVALID_REQUEST" } });
  });

  it("30: takes 64 messages and refuses 65", () => {
    expect(parse(Array.from({ length: 64 }, (_, id) => call({ id })))).toMatchObject({ kind: "batch" });
    expect(parse(Array.from({ length: 65 }, (_, id) => call({ id })))).toMatchObject({
      kind: "invalid",
      refusal: { reason: "INVALID_REQUEST" },
    });
  });

  it("27: judges each id by what was sent, large integers too", () => {
    const batch = parseMessage(
      '[{"jsonrpc":"2.0","id":9007199254740993,"method":"x"},{"jsonrpc":"2.0","id":2,"method":"x"}]',
    );
    expect(batch).toMatchObject({
      messages: [
        { kind: "invalid", id: null },
        { kind: "request", id: 2 },
      ],
    });
  });
});

it("never throws, whatever the text", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.json(),
        fc.json().map((json) => `{"jsonrpc":"2.0","id":${json},"method":${json}}`),
      ),
      (text) => {
        expect(["request", "notification", "invalid", "batch"]).toContain(parseMessage(text).kind);
      },
    ),
    { numRuns: 2000 },
  );
});

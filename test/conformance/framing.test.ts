/** @file FAILURES.md, Framing, against the running program. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";

const ping = (id: number | string) => JSON.stringify({ jsonrpc: "2.0", id, method: "ping" });

describe("framing", () => {
  let sidecar: Sidecar;
  beforeAll(() => {
    sidecar = startSidecar({ shared: true, parameters: ["--max-line-bytes", "1MiB"] });
  });
  afterAll(() => sidecar.child.kill("SIGKILL"));

  const answered = async (id: number | string) => {
    const { result } = await sidecar.next((message) => message.id === id);
    expect(result).toEqual({ pong: true });
  };

  it("FAILURES 1: a message split at every byte", async () => {
    for (const byte of Buffer.from(`${ping("bytes")}\n`)) {
      sidecar.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await answered("bytes");
  });

  it("FAILURES 2: many messages in one chunk", async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `many-${index}`);
    sidecar.write(ids.map((id) => `${ping(id)}\n`).join(""));
    for (const id of ids) await answered(id);
  });

  it("FAILURES 3: a UTF-8 character split across chunks", async () => {
    const bytes = Buffer.from(`${ping("é𝄞")}\n`);
    for (let cut = 1; cut < bytes.length; cut += 3) {
      sidecar.write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      sidecar.write(bytes.subarray(cut));
    }
    await answered("é𝄞");
  });

  it("FAILURES 4: lines that end with \\r\\n", async () => {
    sidecar.write(`${ping("crlf")}\r\n`);
    await answered("crlf");
  });

  it("FAILURES 5: blank lines", async () => {
    sidecar.write(`\n\r\n   \n${ping("blank")}\n\n`);
    await answered("blank");
  });

  it("FAILURES 6: a BOM before the first message", async () => {
    const fresh = startSidecar();
    fresh.write(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(`${ping(1)}\n`)]));
    expect((await fresh.next(({ id }) => id === 1)).result).toEqual({ pong: true });
  });

  it("FAILURES 7: U+2028, U+2029 and U+0085 come back escaped, and never cut a line", async () => {
    const id = "a\u2028b\u2029c\u0085d";
    sidecar.write(`${ping(id)}\n`);
    await answered(id);
    expect(sidecar.output().toString("utf8")).not.toMatch(/[\u2028\u2029\u0085]/);
  });

  it("FAILURES 8: invalid UTF-8 is a parse error, and the session goes on", async () => {
    const before = sidecar.messages.length;
    sidecar.write(
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","id":8,"method":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}\n'),
      ]),
    );
    sidecar.write(`${ping("after-8")}\n`);
    await answered("after-8");
    expect(sidecar.messages[before]).toMatchObject({
      id: null,
      error: { code: -32700, data: { reason: "PARSE_ERROR" } },
    });
  });

  it("FAILURES 9: a NUL byte", async () => {
    const before = sidecar.messages.length;
    sidecar.write(`\0${ping(9)}\n${ping("after-9")}\n`);
    await answered("after-9");
    expect(sidecar.messages[before].error.code).toBe(-32700);
  });

  it("FAILURES 10: a line over the limit gets one error, and a good one after it its answer", async () => {
    const before = sidecar.messages.length;
    sidecar.write(
      `{"jsonrpc":"2.0","id":10,"method":"ping","params":{"x":"${"y".repeat(3 * 2 ** 20)}"}}\n${ping("after-10")}\n`,
    );
    await answered("after-10");
    expect(sidecar.messages.slice(before).map(({ error }) => error?.data.reason)).toEqual([
      "LIMIT_EXCEEDED",
      undefined,
    ]);
  });

  it("FAILURES 11: no line that goes out is longer than 60 KiB, unless the client asked for more", async () => {
    const { result } = await sidecar.ask("rpc.discover");
    expect(result.$spill).toMatchObject({ format: "json", bytes: expect.any(Number) });
    for (const line of sidecar.output().toString("utf8").split("\n")) expect(line.length).toBeLessThan(60 * 1024);
    const { bytes, sha256, path } = result.$spill;
    const file = readFileSync(path);
    expect([file.length, createHash("sha256").update(file).digest("hex")]).toEqual([bytes, sha256]);
    await sidecar.call("runtime.initialize", { limits: { maxLineBytes: 10_000_000 } });
    expect((await sidecar.ask("rpc.discover")).result).toEqual(JSON.parse(file.toString("utf8")));
  });

  it("FAILURES 12: a 100 MB line is refused in linear time and without keeping it", async () => {
    const large = startSidecar();
    const before = (await large.call("runtime.health")).memory.rss;
    large.write('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"');
    const part = "z".repeat(2 ** 20);
    for (let index = 0; index < 100; index++) {
      if (!large.child.stdin!.write(part)) await new Promise((resolve) => large.child.stdin!.once("drain", resolve));
    }
    large.write(`"}}\n${ping(2)}\n`);
    await large.next(({ id }) => id === 2);
    expect(large.messages[1].error.data.reason).toBe("LIMIT_EXCEEDED");
    const after = (await large.call("runtime.health")).memory.rss;
    expect(after - before).toBeLessThan(250 * 2 ** 20);
  });

  it("FAILURES 13: no newline before the end of input", async () => {
    const short = startSidecar();
    short.write(ping(13));
    short.endInput();
    expect(await short.exit).toEqual({ code: 0, signal: null });
    expect(short.messages).toEqual([{ jsonrpc: "2.0", id: 13, result: { pong: true } }]);
  });

  it("FAILURES 14: noise, and an HTTP request", async () => {
    const before = sidecar.messages.length;
    sidecar.write("GET / HTTP/1.1\nHost: localhost\n\nhello?\nContent-Length: 20\n");
    sidecar.write(`${ping("after-14")}\n`);
    await answered("after-14");
    const errors = sidecar.messages.slice(before, -1);
    expect(errors.map(({ id, error }) => [id, error.code])).toEqual(Array(4).fill([null, -32700]));
    expect(errors[0].error.data.hint).toMatch(/HTTP/);
  });
});

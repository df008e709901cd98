/** @file Bytes in, lines out, whatever the chunks; messages in, one line out, whatever they hold. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineReader, encodeMessage, type Line, parseMessage } from "../../src/protocol/index.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const show = (lines: readonly Line[]) => lines.map((line) => ("text" in line ? line.text : line.refusal.reason));

function readAll(chunks: readonly Uint8Array[], maxLineBytes?: number): string[] {
  const reader = createLineReader(maxLineBytes === undefined ? {} : { maxLineBytes });
  return show([...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]);
}

/** The same bytes, cut after each of the given positions. */
function cut(whole: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const edges = [0, ...positions.map((position) => position % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return edges.slice(1).map((end, index) => whole.slice(edges[index], end));
}

describe("the line reader", () => {
  it("1: puts together a message that comes byte by byte", () => {
    const whole = bytes('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    expect(readAll(Array.from(whole, (byte) => Uint8Array.of(byte)))).toEqual([
      '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    ]);
  });

  it("2: takes many messages from one chunk", () => {
    expect(readAll([bytes("1\n2\n3\n")])).toEqual(["1", "2", "3"]);
  });

  it("3: joins a character that is split across chunks", () => {
    const whole = bytes('"né𝄞"\n');
    for (let position = 1; position < whole.length; position++)
      expect(readAll(cut(whole, [position]))).toEqual(['"né𝄞"']);
  });

  it("4: takes \\r\\n, also when the chunk ends between the two", () => {
    expect(readAll([bytes("1\r"), bytes("\n2\r\n")])).toEqual(["1", "2"]);
  });

  it("5: skips blank lines", () => {
    expect(readAll([bytes("\n\r\n  \n\t\n1\n\n")])).toEqual(["1"]);
  });

  it("6: takes one leading BOM, in any chunks, and no other", () => {
    const whole = bytes("\u{feff}1\n");
    expect(readAll(Array.from(whole, (byte) => Uint8Array.of(byte)))).toEqual(["1"]);
    expect(readAll([bytes("1\n\u{feff}2\n")])).toEqual(["1", "\u{feff}2"]);
  });

  it("7: does not cut at U+2028, U+2029 or U+0085", () => {
    expect(readAll([bytes('"a\u2028b\u2029c\u0085d"\n')])).toEqual(['"a\u2028b\u2029c\u0085d"']);
  });

  it.each([
    ["a lone continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a character that ends too soon", [0xe2, 0x82]],
  ])("8: refuses %s, and reads on", (_what, invalid) => {
    expect(readAll([Uint8Array.from([0x22, ...invalid, 0x22, 0x0a]), bytes("1\n")])).toEqual(["PARSE_ERROR", "1"]);
  });

  it("9: hands on a NUL byte, which is not JSON", () => {
    expect(readAll([bytes('"\0"\n')])).toEqual(['"\0"']);
    expect(parseMessage('"\0"')).toMatchObject({ kind: "invalid", refusal: { reason: "PARSE_ERROR" } });
  });

  it.each([1, 7, 100, 1000])(
    "10: refuses a line over the limit once, drops it up to its newline, and reads on (chunks of %i)",
    (size) => {
      const whole = bytes(`${"x".repeat(500)}\n1\n`);
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
        whole.slice(index * size, (index + 1) * size),
      );
      expect(readAll(chunks, 100)).toEqual(["LIMIT_EXCEEDED", "1"]);
    },
  );

  it("takes a line of exactly the limit, its \\r and a BOM aside, and refuses one more byte", () => {
    expect(readAll([bytes(`\u{feff}${"x".repeat(100)}\r\n`)], 100)).toEqual(["x".repeat(100)]);
    expect(readAll([bytes(`${"x".repeat(101)}\r\n1\n`)], 100)).toEqual(["LIMIT_EXCEEDED", "1"]);
  });

  it("refuses an endless line before its newline comes, and keeps none of it", () => {
    const reader = createLineReader({ maxLineBytes: 1000 });
    const chunk = new Uint8Array(600).fill(0x78);
    expect(show([...reader.read(chunk), ...reader.read(chunk), ...reader.read(chunk), ...reader.read(chunk)])).toEqual([
      "LIMIT_EXCEEDED",
    ]);
    expect(show(reader.read(bytes("\n1\n")))).toEqual(["1"]);
  });

  it("12: copies each byte of a 100 MB line a bounded number of times", () => {
    const reader = createLineReader({ maxLineBytes: 128 * 1024 * 1024 });
    const chunk = new Uint8Array(64 * 1024).fill(0x78);
    const original = Uint8Array.prototype.set;
    let copied = 0;
    Uint8Array.prototype.set = function (source, offset) {
      copied += (source as Uint8Array).length;
      return original.call(this, source, offset);
    };
    try {
      for (let index = 0; index < 1600; index++) expect(reader.read(chunk)).toEqual([]);
      const [line] = reader.read(bytes("\n"));
      expect(line).toHaveProperty("text.length", 1600 * 64 * 1024);
    } finally {
      Uint8Array.prototype.set = original;
    }
    expect(copied).toBeLessThan(3 * 1600 * 64 * 1024);
  });

  it("13: takes a last line without a newline", () => {
    expect(readAll([bytes("1\n2")])).toEqual(["1", "2"]);
  });

  it("gives the same lines for any chunks", () => {
    const line = fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("\r"), fc.constant("x".repeat(60)));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, positions) => {
        const whole = bytes(lines.map((text) => `${text}\n`).join(""));
        expect(readAll(cut(whole, positions), 50)).toEqual(readAll([whole], 50));
      }),
    );
  });

  it("gives the same lines for any chunks of any bytes", () => {
    const byte = fc.oneof(fc.constant(0x0a), fc.constant(0x0d), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 300 }), fc.array(fc.nat()), (list, positions) => {
        const whole = Uint8Array.from(list);
        expect(readAll(cut(whole, positions), 20)).toEqual(readAll([whole], 20));
      }),
    );
  });
});

describe("an encoded message", () => {
  it("is one line of compact JSON", () => {
    expect(encodeMessage({ jsonrpc: "2.0", id: 1, result: { a: [1, 2] } })).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{"a":[1,2]}}\n',
    );
  });

  it("7: escapes what other readers take for line ends", () => {
    expect(encodeMessage("a\u2028b\u2029c\u0085d\u000be\u001cf\n")).toBe(
      '"a\\u2028b\\u2029c\\u0085d\\u000be\\u001cf\\n"\n',
    );
  });

  it("24: escapes lone surrogates, and leaves pairs", () => {
    expect(encodeMessage("\ud800 \udc00 𝄞")).toBe('"\\ud800 \\udc00 𝄞"\n');
  });

  it("17: writes non-finite numbers as strings, wherever they stand", () => {
    expect(encodeMessage({ loss: Number.NaN, bounds: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] })).toBe(
      '{"loss":"NaN","bounds":["-Infinity","Infinity"]}\n',
    );
  });

  it("19: writes integers beyond 2^53 - 1 as decimal strings", () => {
    expect(encodeMessage([2n ** 53n, 2n ** 53n - 1n, -(2n ** 63n)])).toBe(
      '["9007199254740992",9007199254740991,"-9223372036854775808"]\n',
    );
  });

  it("20: keeps the sign of zero", () => {
    expect(encodeMessage({ values: [-0, 0] })).toBe('{"values":[-0.0,0]}\n');
  });

  it("leaves the message that it was given as it was", () => {
    const message = { a: Number.NaN, b: { c: [-0] } };
    encodeMessage(message);
    expect(message).toEqual({ a: Number.NaN, b: { c: [-0] } });
  });

  it("refuses a typed array, which nobody encoded", () => {
    expect(() => encodeMessage({ data: new Float32Array(2) })).toThrow("encoded as a tensor");
  });

  it("is read back as it was written, in any chunks", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.nat()), (value, positions) => {
        const lines = readAll(cut(bytes(encodeMessage(value)), positions));
        expect(lines).toHaveLength(1);
        expect(JSON.parse(lines[0]!)).toEqual(value);
      }),
    );
  });
});

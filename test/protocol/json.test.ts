/** @file JSON's traps: each is either read without loss or refused with what to do. */
import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/protocol/index.ts";
import { MAX_DEPTH, parseJson } from "../../src/protocol/json.ts";

function refusalOf(text: string): Refusal {
  try {
    parseJson(text);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

describe("what is not JSON", () => {
  it.each([
    ["15: a broken object", '{"a":', /one line|newline/],
    ["16: a NaN token", '{"loss":NaN}', /"NaN"/],
    ["16: an Infinity token", "[1,-Infinity]", /"-Infinity"/],
    ["14: an HTTP request", "GET / HTTP/1.1", /not HTTP/],
    ["14: a header of a language server", "Content-Length: 120", /newline/],
    ["14: a Python dictionary", "{'a': None}", /json\.dumps/],
    ["14: the first line of pretty JSON", "{", /one line/],
    ["a trailing comma", '{"a":[1,2,]}', /comma/],
    ["9: UTF-16", '\0{\0"\0a', /UTF-16/],
  ])("%s is refused with a hint", (_what, text, hint) => {
    expect(refusalOf(text)).toMatchObject({ reason: "PARSE_ERROR", hint: expect.stringMatching(hint) });
  });

  it("a string of a hundred thousand escaped quotes that never ends costs no more than its length", () => {
    expect(refusalOf(`{"a":"${'\\"'.repeat(50_000)}`).reason).toBe("PARSE_ERROR");
  });

  it("does not take a word in a string for a token", () => {
    expect(refusalOf('{"a":"NaN, None"').hint).not.toMatch(/NaN|json\.dumps/);
  });
});

describe("numbers", () => {
  it("19: an integer that a double would round arrives in all its digits", () => {
    expect(parseJson('{"a":[9007199254740993,-12345678901234567890]}').value).toEqual({
      a: ["9007199254740993", "-12345678901234567890"],
    });
  });

  it("an integer that a double holds stays a number, however long", () => {
    expect(parseJson("[9007199254740991,9007199254740992,100000000000000000000]").value).toEqual([
      2 ** 53 - 1,
      2 ** 53,
      1e20,
    ]);
  });

  it("digits in strings and in fractions are left alone", () => {
    expect(parseJson('["9007199254740993","a\\"9007199254740993",0.12345678901234567890123]').value).toEqual([
      "9007199254740993",
      'a"9007199254740993',
      0.12345678901234568,
    ]);
  });

  it("25: an integer of 5,000 digits arrives in all of them", () => {
    const digits = "7".repeat(5000);
    expect(parseJson(`{"n":${digits}}`).value).toEqual({ n: digits });
  });

  it.each(["1e400", "-1E+400", `${"9".repeat(400)}.5`, "0.5e999", `${"9".repeat(300)}e99`])(
    "18: %s is refused, not made infinite",
    (number) => {
      expect(refusalOf(`{"a":${number}}`)).toMatchObject({
        reason: "INVALID_REQUEST",
        hint: expect.stringContaining('"Infinity"'),
      });
    },
  );

  it("the largest double and the smallest are taken", () => {
    expect(parseJson("[1.7976931348623157e308,5e-324,1e-400]").value).toEqual([Number.MAX_VALUE, 5e-324, 0]);
  });

  it("20: minus zero keeps its sign", () => {
    expect(parseJson("[-0]").value).toEqual([-0]);
  });
});

describe("objects", () => {
  it("21: of duplicate keys the last counts", () => {
    expect(parseJson('{"a":1,"a":2}').value).toEqual({ a: 2 });
  });

  it.each(['{"a":{"__proto__":{"b":1}}}', '[{"\\u005f_proto__":1}]', '{"\\u005F\\u005fproto\\u005f_":1}'])(
    "22: %s is refused",
    (text) => {
      expect(refusalOf(text)).toMatchObject({
        reason: "INVALID_REQUEST",
        message: expect.stringContaining("__proto__"),
      });
    },
  );

  it("22: `__proto__` as a value and `constructor` as a key are ordinary", () => {
    const { value } = parseJson('{"constructor":"__proto__","toString":1}');
    expect(Object.entries(value as object)).toEqual([
      ["constructor", "__proto__"],
      ["toString", 1],
    ]);
  });

  it("24: lone surrogates are taken as they are", () => {
    expect(parseJson('"\\ud800"').value).toBe("\ud800");
  });
});

describe("depth", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

  it(`takes ${MAX_DEPTH} levels and refuses one more`, () => {
    expect(() => parseJson(nested(MAX_DEPTH))).not.toThrow();
    expect(refusalOf(nested(MAX_DEPTH + 1))).toMatchObject({
      reason: "INVALID_REQUEST",
      context: { maxDepth: MAX_DEPTH },
    });
  });

  it.each([
    ["arrays", "["],
    ["objects", '{"a":'],
  ])("23: refuses 200,000 levels of %s, closed or not", (_what, opening) => {
    expect(refusalOf(opening.repeat(200_000)).reason).toBe("INVALID_REQUEST");
    expect(refusalOf(nested(200_000)).reason).toBe("INVALID_REQUEST");
  });

  it("brackets in strings do not count", () => {
    const text = JSON.stringify(["[".repeat(100), `\\"${"{".repeat(100)}`, '"']);
    expect(parseJson(text).value).toEqual(JSON.parse(text));
  });
});

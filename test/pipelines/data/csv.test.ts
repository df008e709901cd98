import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cellsOf, columnOf, loadCsv } from "./load.support.ts";

const MIXED = `name,age,member,joined,colour
Ann,31,yes,2024-01-02,red
Bob,?,no,2024-01-03T12:00,blue
"Carl, the third",47.5,yes,NA,red
`;

describe("a CSV file's kinds are inferred", () => {
  test("numbers, truth values, dates as days since 1970, and categories", async () => {
    const { report } = await loadCsv(MIXED);
    expect(report.kinds).toEqual({
      name: "category",
      age: "number",
      member: "boolean",
      joined: "date",
      colour: "category",
    });
  });

  test("missing markers are counted and become NaN or -1", async () => {
    const dataset = await loadCsv(MIXED);
    expect(cellsOf(columnOf(dataset, "age"))).toEqual([31, null, 47.5]);
    expect(columnOf(dataset, "joined").missing).toBe(1);
  });

  test("dates are days since 1970, fractions for the time of day", async () => {
    expect(cellsOf(columnOf(await loadCsv(MIXED), "joined"))).toEqual([19724, 19725.5, null]);
  });

  test("a truth column keeps the names that the file uses", async () => {
    expect(columnOf(await loadCsv(MIXED), "member").categories).toEqual(["no", "yes"]);
  });

  test.each(["", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?", "-", "  "])(
    "%j is a missing number",
    async (marker) => {
      const { columns } = await loadCsv(`a,b\n1,x\n${marker},y\n3,z\n`);
      expect(cellsOf(columns[0]!)).toEqual([1, null, 3]);
    },
  );

  test("a marker of the host's own is missing even when it is a number", async () => {
    const { columns } = await loadCsv("a\n1\n-999\n3\n", { missing: ["-999"] });
    expect(cellsOf(columns[0]!)).toEqual([1, null, 3]);
  });

  test.each([
    ["31.12.2024", "01.02.2025", [20088, 20120]],
    ["12/31/2024", "02/01/2025", [20088, 20120]],
    ["2024/12/31", "2025/2/1", [20088, 20120]],
  ])("%s and %s are dates whose order only one reading fits", async (first, second, days) => {
    const { columns } = await loadCsv(`when,x\n${first},1\n${second},2\n`);
    expect(cellsOf(columns[0]!)).toEqual(days);
  });

  test("dates that fit two readings are left as text, and the report says so", async () => {
    const { report } = await loadCsv("when,x\n01/02/2024,1\n03/04/2024,2\n");
    expect(report.kinds.when).toBe("category");
    expect(report.notes.join()).toContain('"dates": "dmy"');
  });

  test("the host decides between two readings of dates", async () => {
    const { columns } = await loadCsv("when,x\n01/02/1970,1\n03/04/1970,2\n", { dates: "dmy" });
    expect(cellsOf(columns[0]!)).toEqual([31, 92]);
  });

  test("a day that no calendar has is no date", async () => {
    expect((await loadCsv("when,x\n2024-02-30,1\n2024-02-28,2\n")).report.kinds.when).toBe("category");
  });

  test("text with nearly as many values as rows is no category", async () => {
    const rows = Array.from({ length: 60 }, (_, row) => `sentence ${row},1`).join("\n");
    expect((await loadCsv(`said,x\n${rows}\n`)).report.kinds.said).toBe("text");
  });

  test("hexadecimal and blank cells are no numbers", async () => {
    expect((await loadCsv("a,b\n0x1F,1\n0x20,2\n")).report.kinds.a).toBe("category");
  });

  test("a kind that the host names wins, and cells that do not fit are missing and reported", async () => {
    const { columns, report } = await loadCsv("a,b\n1,x\ntwo,y\n3,z\n", { types: { a: "number" } });
    expect(cellsOf(columns[0]!)).toEqual([1, null, 3]);
    expect(report.notes.join()).toMatch(/column `a`.*1 of 3.*"two", line 3/);
  });

  test("a number column that turns to words after the first look is read again as categories, and the report quotes the line", async () => {
    const numbers = Array.from({ length: 1500 }, (_, row) => `${row % 7}`).join("\n");
    const { columns, report } = await loadCsv(`a\n${numbers}\nmany\n`);
    expect(columns[0]!.kind).toBe("category");
    expect(columns[0]!.categories).toEqual(["0", "1", "2", "3", "4", "5", "6", "many"]);
    expect(report.notes.join()).toContain('"many", line 1502');
  });

  test("a column whose first value comes after the first look is still inferred", async () => {
    const empty = Array.from({ length: 1200 }, () => ",1").join("\n");
    const { columns } = await loadCsv(`when,x\n${empty}\n2024-01-02,1\n`);
    expect(columns[0]).toMatchObject({ kind: "date", missing: 1200 });
    expect(columns[0]!.values[1200]).toBe(19724);
  });
});

describe("a CSV file's form is sniffed", () => {
  test.each([
    [",", "a,b\n1,2\n3,4\n"],
    [";", "a;b\n1;2\n3;4\n"],
    ["\t", "a\tb\n1\t2\n3\t4\n"],
    ["|", "a|b\n1|2\n3|4\n"],
  ])("delimiter %j", async (delimiter, text) => {
    const { columns, report } = await loadCsv(text);
    expect(report.inferred.delimiter).toBe(delimiter);
    expect(columns.map(cellsOf)).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test("commas inside quotes do not fool the sniffing", async () => {
    const { columns } = await loadCsv('a;b\n"1,2,3";4\n"5,6,7";8\n');
    expect(columns.map(cellsOf)).toEqual([
      ["1,2,3", "5,6,7"],
      [4, 8],
    ]);
  });

  test("decimal commas, where fields are parted by semicolons", async () => {
    expect(cellsOf((await loadCsv("a;b\n1,5;2\n-0,25;4\n")).columns[0]!)).toEqual([1.5, -0.25]);
  });

  test("a first row with a number in it is data, and columns are numbered", async () => {
    const { columns, report } = await loadCsv("1,x\n2,y\n");
    expect(report.inferred.header).toBe(false);
    expect(columns.map(({ name }) => name)).toEqual(["column1", "column2"]);
  });

  test("header names may come from the host", async () => {
    const { columns } = await loadCsv("1,2\n3,4\n", { header: ["a", "b"] });
    expect(columns.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(columns[0]!.values).toHaveLength(2);
  });

  test("a byte order mark, CRLF and a missing last newline change nothing", async () => {
    const plain = await loadCsv("a,b\n1,x\n2,y\n");
    const windows = await loadCsv("\ufeffa,b\r\n1,x\r\n2,y");
    expect(windows.hash).toBe(plain.hash);
  });

  test("line ends may be mixed", async () => {
    const { columns, report } = await loadCsv("a,b\r\n1,x\n2,y\r\n3\n");
    expect(columns.map(cellsOf)).toEqual([
      [1, 2],
      ["x", "y"],
    ]);
    expect(report.badRows.first).toEqual([{ line: 4, problem: "1 fields, expected 2", text: "3" }]);
  });

  test("UTF-16 with its byte order mark is read", async () => {
    const { columns } = await loadCsv(Buffer.from("\ufeffgrün,b\n1,2\n", "utf16le"));
    expect(columns[0]!.name).toBe("grün");
  });

  test("bytes that are no UTF-8 are refused with the option that helps", async () => {
    await expect(loadCsv(Buffer.from("gr\xfcn,b\n1,2\n", "latin1"))).rejects.toMatchObject({
      reason: "DATA_INVALID",
      hint: expect.stringContaining("latin1"),
    });
    const { columns } = await loadCsv(Buffer.from("gr\xfcn,b\n1,2\n", "latin1"), { encoding: "latin1" });
    expect(columns[0]!.name).toBe("grün");
  });

  test("two columns of one name are told apart", async () => {
    const { columns, report } = await loadCsv("a,a,\n1,2,3\n");
    expect(columns.map(({ name }) => name)).toEqual(["a", "a_2", "column3"]);
    expect(report.notes.join()).toContain("several columns are called `a`");
  });

  test("names that objects inherit are columns like others", async () => {
    const { columns } = await loadCsv("__proto__,constructor\n1,2\n");
    expect(columns.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
  });
});

describe("rows that cannot be read", () => {
  test("are left out, counted, and quoted with their line", async () => {
    const { rows, report } = await loadCsv('a,b\n1,2\n3\n"x\ny",4\n5,6,7\n8,9\n');
    expect(rows).toBe(3);
    expect(report.badRows).toEqual({
      count: 2,
      first: [
        { line: 3, problem: "1 fields, expected 2", text: "3" },
        { line: 6, problem: "3 fields, expected 2", text: "5,6,7" },
      ],
    });
  });

  test("of which there are many are all counted, the first ten quoted", async () => {
    const { report } = await loadCsv(`a,b\n${"1,2\n".repeat(30)}${"1\n".repeat(25)}`);
    expect([report.badRows.count, report.badRows.first.length]).toEqual([25, 10]);
  });

  test("stop the loading if the host prefers, quoting the first", async () => {
    await expect(loadCsv("a,b\n1,2\n3\n", { badRows: "error" })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringContaining("line 3"),
    });
  });

  test("in the majority mean that this is no such table", async () => {
    await expect(loadCsv("a,b\n1\n2\n3\n4,5\n", { delimiter: "," })).rejects.toMatchObject({ reason: "DATA_INVALID" });
  });
});

describe("a CSV file that holds no table is refused", () => {
  test.each([
    ["nothing", ""],
    ["blank lines", "\n\n\n"],
    ["a header alone", "a,b\n"],
  ])("%s", async (_what, text) => {
    await expect(loadCsv(text)).rejects.toMatchObject({ reason: "DATA_INVALID" });
  });

  test("a quote that is never closed is refused with the line after which it opens", async () => {
    await expect(loadCsv('a,b\n1,2\n3,"4\n5,6\n7,8\n')).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringContaining("after line 2 is never closed"),
    });
  });

  test("a target that is named twice is refused", async () => {
    await expect(loadCsv("a,b\n1,2\n", { target: ["b", "b"] })).rejects.toMatchObject({ reason: "DATA_INVALID" });
  });

  test("a target that is no column is refused with the columns there are", async () => {
    await expect(loadCsv("a,b\n1,2\n", { target: "c" })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      violations: [{ path: "target", got: "c", expected: "one of a, b" }],
    });
  });

  test("an option that does not exist is refused by name", async () => {
    await expect(loadCsv("a,b\n1,2\n", { delimeter: ";" })).rejects.toMatchObject({
      reason: "INVALID_PARAMS",
      violations: [{ path: "data.csv.delimeter" }],
      hint: "did you mean `delimiter`?",
    });
  });

  test("rows without a target are dropped only when the host says so", async () => {
    const text = "a,b\n1,x\n2,\n3,y\n";
    expect((await loadCsv(text, { target: "b" })).rows).toBe(3);
    const dropped = await loadCsv(text, { target: "b", missingTarget: "drop" });
    expect(dropped.rows).toBe(2);
    expect(dropped.report.notes.join()).toContain("1 row");
  });
});

test("whatever numbers and words are written, quoted as CSV asks, come back", async () => {
  const word = fc.string({
    minLength: 1,
    maxLength: 8,
    unit: fc.constantFrom("a", "b", ",", '"', "\n", "é", ";", " z"),
  });
  const row = fc.record({
    number: fc.double({ noNaN: true, noDefaultInfinity: true }),
    word: word.map((text) => `w${text}w`),
  });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
      const text = `number,word\n${rows.map(({ number, word: text }) => `${number},${quoted(text)}\n`).join("")}`;
      const { columns } = await loadCsv(text, { header: true, delimiter: "," });
      expect(cellsOf(columns[0]!).map((value) => Number(value) + 0)).toEqual(rows.map(({ number }) => number + 0));
      expect(cellsOf(columns[1]!)).toEqual(rows.map(({ word: text }) => text));
    }),
    { numRuns: 60 },
  );
});

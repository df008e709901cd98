/** @file Lines of steps that look like one before, read by where their bytes stand: what is read, and what is left to be read in full. */
import { describe, expect, test } from "vitest";
import { createFamiliarSteps } from "../../src/sidecar/familiarSteps.ts";
import { plainStep } from "../../src/sidecar/plainStep.ts";

const tensor = (dtype: string, shape: number[], data: ArrayBufferView) =>
  `{"dtype":"${dtype}","shape":[${shape}],"b64":"${Buffer.from(data.buffer as ArrayBuffer).toString("base64")}"}`;
const line = (id: number, members: string) =>
  `{"jsonrpc":"2.0","id":${id},"method":"rl.step","params":{"run":"r_1",${members}}}`;

interface Told {
  readonly group?: number;
  readonly seen?: readonly number[];
  readonly rewards?: readonly number[];
  readonly ended?: readonly number[];
}

const members = ({ group = 0, seen = [1, 2, 3, 4], rewards = [0.5, -1], ended = [0, 0] }: Told): string =>
  [
    `"group":${group}`,
    `"rewards":${tensor("F64", [2], Float64Array.from(rewards))}`,
    `"terminated":${tensor("BOOL", [2], Uint8Array.from(ended))}`,
    `"observations":${tensor("F32", [2, seen.length / 2], Float32Array.from(seen))}`,
  ].join(",");

/** Has read one line in full. */
function having(text: string, id: number) {
  const familiar = createFamiliarSteps();
  familiar.note(text, id, plainStep(text, id, "r_1")!);
  return familiar;
}

describe("a step that looks like one before", () => {
  test("is read to the same numbers, whatever its id", () => {
    const familiar = having(line(9, members({})), 9);
    const told = { seen: [-1, 0.25, 1e-9, 7], rewards: [3, 4], ended: [1, 0] };
    expect(familiar.read(line(12345, members(told)), 12345)).toEqual({
      group: 0,
      rewards: { dtype: "F64", shape: [2], data: Float64Array.of(3, 4) },
      terminated: { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
      observations: { dtype: "F32", shape: [2, 2], data: Float32Array.from(told.seen) },
    });
  });

  test("has flags of 0 and 1, as every tensor of them", () => {
    const familiar = having(line(1, members({})), 1);
    expect(familiar.read(line(2, members({ ended: [0, 255] })), 2)).toMatchObject({
      terminated: { data: Uint8Array.of(0, 1) },
    });
  });

  test("is known beside others, of other groups", () => {
    const familiar = having(line(1, members({})), 1);
    const other = line(2, members({ group: 1 }));
    expect(familiar.read(other, 2)).toBeNull();
    familiar.note(other, 2, plainStep(other, 2, "r_1")!);
    for (const group of [0, 1]) expect(familiar.read(line(3, members({ group })), 3)).toMatchObject({ group });
  });
});

const first = line(1, members({}));

describe("a step is left to be read in full", () => {
  const bytes = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer).toString("base64");
  const UNLIKE: [string, string][] = [
    ["another shape", line(2, members({ seen: [1, 2] }))],
    ["a member more", line(2, `${members({})},"reset":true`)],
    ["a space more", `${first.replace('"id":1', '"id":2')} `],
    ["another run", line(2, members({})).replace("r_1", "r_2")],
    ["bytes that are none", line(2, members({})).replace(bytes, bytes.replace("A", "!"))],
    ["more bytes in as many characters", line(2, members({})).replace(bytes, `${bytes.slice(0, -4)}AAA=`)],
    ["a quote among its bytes", line(2, members({})).replace(bytes, `"${bytes.slice(1)}`)],
    ["another id than it was asked under", line(3, members({}))],
  ];
  test.each(UNLIKE)("that has %s", (_what, text) => {
    const familiar = having(first, 1);
    expect(familiar.read(first, 1)).not.toBeNull();
    expect(familiar.read(text, 2)).toBeNull();
  });

  const seen = `"observations":${tensor("F32", [2, 2], Float32Array.of(1, 2, 3, 4))}`;
  const TWICE: [string, string][] = [
    ["a tensor twice", line(1, `${members({})},${seen}`)],
    ["bytes twice", first.replace(`"b64":"${bytes}"`, `"b64":"${bytes}","b64":"${bytes}"`)],
    [
      "a tensor twice, a space after its second name",
      line(1, `${members({})},${seen.replace(":", " :").replace('"b64":', '"b64" :')}`),
    ],
    [
      "a tensor twice, once by another spelling",
      line(1, `${members({})},${seen.replace("o", "\\u006f").replace("b64", "b\\u00364")}`),
    ],
    [
      "bytes twice, a space after their second name",
      first.replace(`"b64":"${bytes}"`, `"b64":"${bytes}","b64" :"${bytes}"`),
    ],
    ["its id twice, a space after its second name", first.replace(/}$/, ',"id" :1}')],
    ["its id twice", first.replace(/}$/, ',"id":1}')],
    ["numbers in lists", line(1, '"observations":[[1,2],[3,4]]')],
    ["spaces between", first.replace('"b64":"', '"b64": "')],
  ];
  test.each(TWICE)("when the one before had %s", (_what, text) => {
    expect(plainStep(text, 1, "r_1")).not.toBeNull();
    expect(having(text, 1).read(text, 1)).toBeNull();
  });
});

/** Pictures of what `models.inspect` and `models.explain` answer, drawn by the TypeScript client. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeTensor, encodeTensor, type Sidecar, startSidecar, svg } from "../../clients/typescript/index.ts";

/** Marks without the paper under them. */
const marks = (picture: string): number => [...picture.matchAll(/<rect /g)].length - 1;
const fills = (picture: string): string[] =>
  [...picture.matchAll(/<rect x[^>]*fill="([^"]*)"/g)].map(([, fill]) => fill!);

/** Every element that is opened is closed, in order. @returns what is still open at the end, or closed wrongly. */
function leftOpen(picture: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, own] of picture.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (slash === "/") {
      if (open.pop() !== name) return [name!];
    } else if (own === "") open.push(name!);
  }
  return open;
}

const statistics = { histogram: { counts: [1, 4, 2], edges: [-1, 0, 1, 2] } };
const PICTURES: readonly (readonly [name: string, picture: string, marks: number])[] = [
  [
    "a heat map of lists",
    svg.heatMap(
      [
        [1, -2],
        [0, 0.5],
      ],
      { title: "a < b", rows: ["x", "y"], columns: ["p", "q"] },
    ),
    4,
  ],
  ["a heat map of nothing", svg.heatMap([]), 0],
  ["a histogram", svg.histogram(statistics, { title: "weights" }), 3],
  ["bars", svg.bars({ "age & more": 0.5, income: -0.25 }), 2],
  ["no bars", svg.bars({}), 0],
];

describe("a picture", () => {
  it.each(PICTURES)("%s is well formed, with a mark for each number", (_, picture, wanted) => {
    expect(leftOpen(picture)).toEqual([]);
    expect(marks(picture)).toBe(wanted);
    expect(picture).not.toMatch(/NaN|undefined/);
  });

  it("escapes names and titles", () => {
    const picture = svg.bars({ "<a> & b": 1 }, { title: "x < y" });
    expect(picture).toContain("&lt;a&gt; &amp; b");
    expect(picture).toContain("x &lt; y");
  });

  it("shows what is above zero in red, what is below in blue, and what is no number in grey", () => {
    const tensor = { dtype: "F32", shape: [1, 3], values: [2, -2, "NaN"] };
    expect(fills(svg.heatMap(tensor))).toEqual(["rgb(178,24,43)", "rgb(33,102,172)", "#999"]);
  });

  it("puts the bar of most weight first, whatever its sign", () => {
    const picture = svg.bars({ small: 1, large: -3 });
    expect(picture.indexOf(">large<")).toBeLessThan(picture.indexOf(">small<"));
  });

  it("says that a tensor of three axes is no heat map", () => {
    const tensor = encodeTensor({ dtype: "F32", shape: [1, 1, 1], data: Float32Array.of(1) });
    expect(() => svg.heatMap(tensor)).toThrow("two axes, not [1, 1, 1]");
  });

  it("says what to ask for where there are no bins", () => {
    expect(() => svg.histogram({})).toThrow("`bins`");
  });
});

describe("what a model holds", () => {
  let sidecar: Sidecar;
  let model: string;
  beforeAll(async () => {
    sidecar = await startSidecar();
    const backbone = { type: "mlp", hidden: [8] };
    ({
      model: { id: model },
    } = await sidecar.models.create({ pipeline: "classification", backbone, seed: 1 } as never));
    await (await sidecar.train({ model, data: { builtin: "iris" }, epochs: 3, seed: 1 } as never)).result();
  });
  afterAll(() => sidecar.close());

  it("is drawn from the answers as they come: weights, activations, attributions", async () => {
    const inputs = [[5.1, 3.5, 1.4, 0.2]];
    const found = await sidecar.models.inspect({
      model,
      what: ["weights", "activations"],
      inputs,
      values: true,
      bins: 7,
    } as never);
    expect(marks(svg.histogram(found.weights![0]! as never))).toBe(7);
    expect(marks(svg.heatMap(found.activations![0]!.values))).toBe(8);
    const { attributions } = await sidecar.models.explain({ model, inputs } as never);
    const columns = Object.entries(attributions).map(([name, tensor]) => [name, Number(decodeTensor(tensor).data[0])]);
    expect(marks(svg.bars(Object.fromEntries(columns)))).toBe(4);
  });
});

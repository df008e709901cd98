/** @file Who may know whom: the dependency rule of docs/architecture.md. */
import { describe, expect, it } from "vitest";
import { filesUnder, type Import, importsOf } from "./sources.ts";

/** Each room, and the rooms it may import from. A room's own files are always allowed. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "src/protocol/": [],
  "src/engine/": [],
  "src/pipelines/": ["src/engine/"],
  "src/sidecar/": ["src/protocol/", "src/engine/", "src/pipelines/"],
  "clients/typescript/": ["src/protocol/"],
};

/** The engine's stages in the order data passes: a file may import what stands before it, or beside it. */
const STAGES: readonly (readonly string[])[] = [
  ["fault.ts"],
  ["dtype.ts", "half.ts", "philox.ts", "pieces.ts"],
  ["shape.ts"],
  ["graph.ts"],
  ["ops/"],
  [
    "tensor/",
    "tensor.ts",
    "random.ts",
    "trace.ts",
    "grad.ts",
    "scan.ts",
    "checkpoint.ts",
    "einsum.ts",
    "passes/",
    "rows.ts",
  ],
  ["plan/", "onnx/"],
  ["executors/"],
  ["index.ts"],
];

const ENGINE = "src/engine/";
/** Compiled by AssemblyScript, with imports of its own kind. */
const KERNELS = "src/engine/executors/machine/kernels/";

const sources = [...filesUnder("src"), ...filesUnder("clients/typescript")].filter(
  (file) => file.endsWith(".ts") && !file.startsWith(KERNELS),
);
const imports = sources.flatMap(importsOf);
const ours = imports.filter(({ to }) => to.startsWith("src/") || to.startsWith("clients/"));

const roomOf = (path: string): string | undefined => Object.keys(ROOMS).find((room) => path.startsWith(room));
const stageOf = (path: string): number =>
  STAGES.findIndex((stage) =>
    stage.some((place) => (place.endsWith("/") ? path.startsWith(ENGINE + place) : path === ENGINE + place)),
  );
const executorOf = (path: string): string | undefined => /^src\/engine\/executors\/([^/]+)\//.exec(path)?.[1];
const show = ({ from, to }: Import): string => `${from} imports ${to}`;

describe("the rooms", () => {
  it("were found, with their imports", () => {
    expect(ours.length).toBeGreaterThan(50);
    for (const room of Object.keys(ROOMS))
      expect(sources.filter((file) => file.startsWith(room)).length, room).not.toBe(0);
  });

  it("know only the rooms they may know", () => {
    const strangers = ours.filter(({ from, to }) => {
      const room = roomOf(from)!;
      const other = roomOf(to);
      return other !== room && !(other !== undefined && ROOMS[room]!.includes(other));
    });
    expect(strangers.map(show)).toEqual([]);
  });

  it("enter the engine through its index alone", () => {
    const intruders = ours.filter(
      ({ from, to }) => to.startsWith(ENGINE) && !from.startsWith(ENGINE) && to !== `${ENGINE}index.ts`,
    );
    expect(intruders.map(show)).toEqual([]);
  });
});

describe("inside the engine", () => {
  const inside = ours.filter(({ from, to }) => from.startsWith(ENGINE) && to.startsWith(ENGINE));

  it("every file has its place in the order", () => {
    const placeless = sources.filter((file) => file.startsWith(ENGINE) && stageOf(file) < 0);
    expect(placeless).toEqual([]);
  });

  it("data passes one way: nothing imports from a later stage, types aside", () => {
    const backward = inside.filter(({ from, to, typeOnly }) => !typeOnly && stageOf(to) > stageOf(from));
    expect(backward.map(show)).toEqual([]);
  });

  it("ops know no executor, not even its types", () => {
    const knowing = inside.filter(
      ({ from, to }) => stageOf(from) <= stageOf(`${ENGINE}ops/`) && executorOf(to) !== undefined,
    );
    expect(knowing.map(show)).toEqual([]);
  });

  it("executors don't know each other", () => {
    const knowing = inside.filter(({ from, to }) => {
      const [one, other] = [executorOf(from), executorOf(to)];
      return one !== undefined && other !== undefined && one !== other;
    });
    expect(knowing.map(show)).toEqual([]);
  });
});

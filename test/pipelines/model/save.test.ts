import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type NdArray, sizeOf } from "../../../src/engine/index.ts";
import { allRows } from "../../../src/pipelines/data/dataset.ts";
import { createModel } from "../../../src/pipelines/model/create.ts";
import { loadModel } from "../../../src/pipelines/model/load.ts";
import { declare } from "../../../src/pipelines/model/network.ts";
import type { ModelRecord } from "../../../src/pipelines/model/record.ts";
import { saveModel } from "../../../src/pipelines/model/save.ts";
import { packWeights, weightArrays } from "../../../src/pipelines/model/weights.ts";
import { createRegistry } from "../../../src/pipelines/registry/registry.ts";
import { fitTarget } from "../../../src/pipelines/targets/index.ts";
import { load, temporaryFolder } from "../data/load.support.ts";
import { fitted } from "../preprocess/preprocess.support.ts";

const registry = createRegistry();
const dataset = await load({
  rows: [
    { size: 1, colour: "red", ok: true, when: "2024-01-02", y: "a" },
    { size: null, colour: "blue", ok: false, when: "2024-01-05", y: "b" },
  ],
  target: "y",
});

const target = fitTarget("classes", dataset, allRows(2));

/** A whole model; every one of its weights is `weight`. */
function recordWith(weight: number): ModelRecord {
  const model = createModel(registry, { pipeline: "classification", backbone: { type: "mlp", hidden: [3] }, seed: 3 });
  const leaves = declare(registry, { ...model, target }, [5]);
  const filled = leaves.map(({ path, type }): [string, NdArray] => [
    path,
    { ...type, data: new Float32Array(sizeOf(type.shape)).fill(weight) },
  ]);
  return {
    ...model,
    state: "trained",
    signature: { raw: [4], features: [5], outputs: 2, results: { probabilities: { dtype: "F32", shape: [2] } } },
    preprocessing: fitted(dataset, { columns: { size: [{ type: "clip", low: 0 }, "minMax"] } }),
    target,
    metrics: { training: { loss: 0.25, rocAuc: Number.NaN }, validation: null },
    provenance: {
      dataHash: dataset.hash,
      dataName: "rows",
      rows: 2,
      seed: 3,
      epochs: 1,
      steps: 1,
      versions: { node: "20" },
      trainedAt: "2026-11-21T10:00:00.000Z",
    },
    parameters: 5,
    weights: packWeights(Object.fromEntries(filled)),
  };
}

async function saved(weight = 0.5): Promise<string> {
  const folder = join(temporaryFolder(), "model");
  await saveModel(recordWith(weight), folder);
  return folder;
}

const firstWeight = ({ weights }: ModelRecord): number => Number(Object.values(weightArrays(weights!))[0]!.data[0]);

/** What stands in the folder after the save's first `steps` renames, were it killed there. */
async function killedWhileReplacing(steps: number): Promise<string> {
  const folder = await saved(1);
  const next = await saved(2);
  for (const name of readdirSync(next)) writeFileSync(join(folder, `${name}.new`), readFileSync(join(next, name)));
  for (const name of ["model.json", "weights.safetensors"].slice(0, steps))
    renameSync(join(folder, `${name}.new`), join(folder, name));
  return folder;
}

describe("a saved model", () => {
  test("comes back as it was, numbers that JSON lacks included", async () => {
    const record = recordWith(0.5);
    const { weights, ...rest } = await loadModel(registry, await saved());
    const { weights: original, ...described } = record;
    expect(rest).toEqual(described);
    expect(weightArrays(weights!)).toEqual(weightArrays(original!));
  });

  test("that has not been trained comes back too", async () => {
    const record = createModel(registry, { pipeline: "regression", backbone: "mlp" });
    const folder = join(temporaryFolder(), "model");
    await saveModel(record, folder);
    expect(readdirSync(folder)).toEqual(["model.json"]);
    expect(await loadModel(registry, folder)).toEqual(record);
  });

  test("is two files, and nothing beside the folder", async () => {
    const folder = await saved();
    expect(readdirSync(folder).sort()).toEqual(["model.json", "weights.safetensors"]);
    expect(readdirSync(join(folder, ".."))).toEqual(["model"]);
  });

  test("replaces the one before it", async () => {
    const folder = await saved(1);
    await saveModel(recordWith(2), folder);
    expect(firstWeight(await loadModel(registry, folder))).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(["model.json", "weights.safetensors"]);
  });

  test("goes into folders that are not there yet, and into an empty one", async () => {
    const folder = join(temporaryFolder(), "a", "b");
    await saveModel(recordWith(1), folder);
    const empty = join(temporaryFolder(), "empty");
    mkdirSync(empty);
    await saveModel(recordWith(1), empty);
    expect([firstWeight(await loadModel(registry, folder)), firstWeight(await loadModel(registry, empty))]).toEqual([
      1, 1,
    ]);
  });

  test("never takes the place of something else", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "thesis.tex"), "");
    await expect(saveModel(recordWith(1), folder)).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    await expect(saveModel(recordWith(1), join(folder, "thesis.tex"))).rejects.toMatchObject({
      reason: "ALREADY_EXISTS",
    });
    expect(readdirSync(folder)).toEqual(["thesis.tex"]);
  });
});

describe("a save that is killed", () => {
  test.each([
    ["before its first rename leaves the old model", 0, 1],
    ["between its renames leaves the new one", 1, 2],
    ["after its last rename leaves the new one", 2, 2],
  ])("%s", async (_when, steps, weight) => {
    expect(firstWeight(await loadModel(registry, await killedWhileReplacing(steps)))).toBe(weight);
  });

  test("does not keep the next save from working", async () => {
    const folder = await killedWhileReplacing(1);
    await saveModel(recordWith(3), folder);
    expect(firstWeight(await loadModel(registry, folder))).toBe(3);
  });
});

describe("a folder that is no whole model is refused", () => {
  const change = (name: string, edit: (path: string) => void) => async () => {
    const folder = await saved();
    edit(join(folder, name));
    return folder;
  };
  const set = (keys: readonly (string | number)[], value: unknown) => (path: string) => {
    const file = JSON.parse(readFileSync(path, "utf8"));
    const owner = keys.slice(0, -1).reduce((inner, key) => inner[key], file);
    owner[keys.at(-1)!] = value;
    writeFileSync(path, JSON.stringify(file));
  };
  test.each<[string, () => Promise<string>, RegExp]>([
    [
      "weights cut off",
      change("weights.safetensors", (path) => truncateSync(path, 100)),
      /weights\.safetensors`: it has 100 bytes, \d+ were saved/,
    ],
    ["one bit flipped", change("weights.safetensors", (path) => flipLastBit(path)), /SHA-256/],
    ["weights missing", change("weights.safetensors", (path) => rmSync(path)), /it is missing/],
    ["model.json cut off", change("model.json", (path) => truncateSync(path, 50)), /model\.json`: it is not JSON/],
    ["a field missing", change("model.json", set(["target"], undefined)), /`target`/],
    [
      "a step unknown",
      change("model.json", set(["preprocessing", "columns", 0, "steps", 0], { type: "whiten" })),
      /preprocessing\.columns\[0\]\.steps\[0\]/,
    ],
    [
      "weights of another network",
      change("model.json", set(["spec", "backbone", "hidden"], [4])),
      /F32 \[5, 3\].*F32 \[5, 4\]/,
    ],
    ["weights of a smaller network", change("model.json", set(["spec", "backbone", "hidden"], [3, 3])), /layers\.1/],
    ["another number of outputs", change("model.json", set(["signature", "outputs"], 3)), /signature\.outputs/],
    ["another number of features", change("model.json", set(["signature", "features"], [9])), /signature\.features/],
    ["weights without a target", change("model.json", set(["target"], null)), /what they are for/],
    ["a version from the future", change("model.json", set(["version"], 99)), /version is 99/],
    ["not an object", change("model.json", (path) => writeFileSync(path, "null")), /model\.json/],
  ])("%s", async (_what, make, message) => {
    const folder = await make();
    await expect(loadModel(registry, folder)).rejects.toMatchObject({
      reason: "CHECKPOINT_CORRUPT",
      message: expect.stringMatching(message),
    });
  });

  test("that is not there, or a file, is not found", async () => {
    const folder = await saved();
    await expect(loadModel(registry, join(folder, "none"))).rejects.toMatchObject({ reason: "NOT_FOUND" });
    await expect(loadModel(registry, join(folder, "model.json"))).rejects.toMatchObject({ reason: "NOT_FOUND" });
  });

  test("with a backbone that nobody has registered is refused by its name", async () => {
    const folder = await change("model.json", set(["spec", "backbone"], { type: "spiral" }))();
    await expect(loadModel(registry, folder)).rejects.toMatchObject({
      reason: "INVALID_PARAMS",
      message: expect.stringContaining("spiral"),
    });
  });

  test("outside the allowed folders is denied", async () => {
    await expect(loadModel(registry, await saved(), [temporaryFolder()])).rejects.toMatchObject({
      reason: "PATH_DENIED",
    });
  });
});

test("a name longer than the file system takes is denied, not a defect", async () => {
  const place = join(temporaryFolder(), "x".repeat(300));
  await expect(saveModel(recordWith(1), place)).rejects.toMatchObject({ reason: "PATH_DENIED" });
});

function flipLastBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}

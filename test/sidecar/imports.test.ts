/** @file Imported ONNX files over the wire: run by either executor, saved, trained on, written back; refused in words. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findOnnxruntime } from "../../src/engine/executors/onnxruntime/find.ts";
import { decodeOnnx, encodeOnnx } from "../../src/engine/onnx/codec.ts";
import { tensorProtoOf, valueInfoOf } from "../../src/engine/onnx/tensors.ts";
import { type Json, type Sidecar, startSidecar } from "../support/sidecar.ts";

const FILE = new URL("../vectors/imported/small-cnn.onnx", import.meta.url).pathname;
const picture = Array.from({ length: 8 }, (_, y) => Array.from({ length: 8 }, (_x, x) => Math.sin(x + y)));
const inputs = [[picture]];
const needsOnnxruntime = ({ skip }: { skip(note: string): void }) => {
  const presence = findOnnxruntime();
  if ("missing" in presence) skip(presence.missing);
};

let sidecar: Sidecar;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "imports-"));
  sidecar = startSidecar({ shared: true });
  await sidecar.call("models.import", { format: "onnx", path: FILE, name: "cnn" });
});
afterAll(() => {
  sidecar.child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const logitsOf = async (params: object): Promise<number[]> =>
  ((await sidecar.call("predict", { model: "cnn", inputs, ...params })) as Json).outputs.logits.values.flat();

describe("data beside a file", () => {
  /** A file whose first tensor stands at `location`. */
  const keptAt = (location: string): string => {
    const model = decodeOnnx(readFileSync(FILE));
    const [first, ...rest] = model.graph!.initializer!;
    const { rawData: _, ...without } = first!;
    const externalData = [{ key: "location", value: location }];
    const initializer = [{ ...without, externalData, dataLocation: 1 }, ...rest];
    const path = join(folder, `${location}.onnx`);
    writeFileSync(path, encodeOnnx({ ...model, graph: { ...model.graph!, initializer } }));
    return path;
  };

  it("is refused where a link leads out of the folder", async () => {
    symlinkSync("/etc/hostname", join(folder, "link"));
    const attempt = sidecar.call("models.import", { format: "onnx", path: keptAt("link") });
    await expect(attempt).rejects.toThrow("PATH_DENIED");
  });

  it("is refused where it is a pipe, at once", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const attempt = sidecar.call("models.import", { format: "onnx", path: keptAt("pipe") });
    await expect(attempt).rejects.toThrow("DATA_INVALID");
  });
});

describe("an imported file", () => {
  it("is run by the engine unless something else is asked for, and by its bytes as by its path", async () => {
    const { executor, outputs } = await sidecar.call("predict", { model: "cnn", inputs: { image: inputs } });
    expect(executor).toBe("engine");
    const { model } = await sidecar.call("models.import", {
      format: "onnx",
      b64: readFileSync(FILE).toString("base64"),
    });
    expect((await sidecar.call("predict", { model: model.id, inputs })).outputs).toEqual(outputs);
  });

  it("gives the same by onnxruntime, and by whichever was faster, which the answer names", async (context) => {
    needsOnnxruntime(context);
    const ours = await logitsOf({});
    const theirs = await logitsOf({ executor: "onnxruntime" });
    theirs.forEach((value, index) => {
      expect(value).toBeCloseTo(ours[index]!, 5);
    });
    const { executor } = await sidecar.call("predict", { model: "cnn", inputs, executor: "auto" });
    expect(["engine", "onnxruntime"]).toContain(executor);
  });

  it("takes numbers of another width, whichever runs it", async (context) => {
    needsOnnxruntime(context);
    const whole = {
      dtype: "I64",
      shape: [1, 1, 8, 8],
      values: Array.from({ length: 64 }, (_, index) => index % 17),
    } as const;
    const answers = await Promise.all(
      (["engine", "onnxruntime"] as const).map(async (executor) => {
        const { outputs } = await sidecar.call("predict", { model: "cnn", inputs: { image: whole }, executor });
        return (outputs as { logits: { values: number[] } }).logits.values.flat();
      }),
    );
    answers[1]!.forEach((value, index) => {
      expect(value).toBeCloseTo(answers[0]![index]!, 3);
    });
  });

  it("runs by onnxruntime where the engine lacks an operator, and the report names the node", async (context) => {
    needsOnnxruntime(context);
    const model = decodeOnnx(readFileSync(FILE));
    const [relu, ...rest] = model.graph!.node!.filter(({ opType }) => opType === "Relu");
    const bernoulli = { ...relu!, opType: "RandomUniformLike", attribute: [] };
    const node = model.graph!.node!.map((each) => (each === relu ? bernoulli : each));
    const path = join(folder, "random.onnx");
    writeFileSync(path, encodeOnnx({ ...model, graph: { ...model.graph!, node } }));
    const { model: taken, report } = await sidecar.call("models.import", { format: "onnx", path });
    expect(report.unsupported).toMatchObject([{ node: relu!.name, operator: "RandomUniformLike" }]);
    expect((await sidecar.call("predict", { model: taken.id, inputs })).executor).toBe("onnxruntime");
    expect(rest.length).toBeGreaterThan(0);
  });

  it("comes back from a folder, and is exported byte for byte", async () => {
    const [saved, written] = [join(folder, "saved"), join(folder, "written.onnx")];
    await sidecar.call("models.save", { model: "cnn", path: saved });
    const { model } = await sidecar.call("models.load", { path: saved });
    await sidecar.call("models.export", { model: model.id, format: "onnx", path: written });
    expect(Buffer.compare(readFileSync(written), readFileSync(FILE))).toBe(0);
  });
});

describe("imported files that were deleted", () => {
  it("leave no memory behind, where the C library gives back what it gets", { timeout: 60_000 }, async () => {
    const own = startSidecar({ env: { ...process.env, MALLOC_MMAP_THRESHOLD_: "131072" } });
    const model = decodeOnnx(readFileSync(FILE));
    const large = tensorProtoOf("large", {
      dtype: "F32",
      shape: [1000, 1000],
      data: new Float32Array(1_000_000).fill(0.5),
    });
    const product = { opType: "MatMul", input: ["rows", "large"], output: ["wide"] };
    const path = join(folder, "large.onnx");
    const graph = {
      name: "g",
      node: [product],
      initializer: [large],
      input: [valueInfoOf("rows", 1, ["n", 1000])],
      output: [valueInfoOf("wide", 1, ["n", 1000])],
    };
    writeFileSync(path, encodeOnnx({ ...model, graph }));
    const resident = async () => (await own.call("runtime.health")).memory.rss as number;
    const once = async () => {
      const { model: taken } = await own.call("models.import", { format: "onnx", path });
      await own.call("predict", { model: taken.id, inputs: [new Array(1000).fill(1)] });
      return taken.id;
    };
    await own.call("models.delete", { model: await once() });
    const before = await resident();
    const ids: string[] = [];
    for (let count = 0; count < 10; count++) ids.push(await once());
    const most = await resident();
    for (const id of ids) await own.call("models.delete", { model: id });
    let after = most;
    for (let look = 0; look < 60 && after - before > (most - before) / 2; look++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      after = await resident();
    }
    own.child.kill("SIGKILL");
    expect(after - before).toBeLessThan((most - before) / 2);
  });
});

describe("a refusal", () => {
  it("says that a training wants a head first", async () => {
    const { error } = await sidecar.ask("train.start", { model: "cnn", data: { builtin: "digits" } });
    expect(error.data.hint).toContain("models.create");
  });

  it("says that an evaluation wants a head first", async () => {
    const { error } = await sidecar.ask("evaluate", { model: "cnn", data: { builtin: "digits" } });
    expect(error.data.hint).toContain("models.create");
  });

  it("names a backbone's model that was not imported", async () => {
    await sidecar.call("models.create", { name: "plain", pipeline: "classification" });
    const { error } = await sidecar.ask("models.create", {
      pipeline: "classification",
      backbone: { type: "onnx", model: "plain" },
    });
    expect(error.data.violations[0].path).toBe("backbone.model");
  });

  it("wants one source", async () => {
    const { error } = await sidecar.ask("models.import", { format: "onnx" });
    expect(error.data.reason).toBe("INVALID_PARAMS");
  });

  it.each([
    ["hello there", "is not standard base64"],
    ["aGVsbG8", "has 7 characters"],
    ["aGVs-G8_", "is not standard base64"],
  ])("says of %j that it is no base64", async (b64, words) => {
    const { error } = await sidecar.ask("models.import", { format: "onnx", b64 });
    expect(error.data.violations[0]).toMatchObject({ path: "b64" });
    expect(error.message).toContain(words);
  });

  it("says that neither runs what both lack, and gives no hint to try the other", async (context) => {
    needsOnnxruntime(context);
    const model = decodeOnnx(readFileSync(FILE));
    const node = model.graph!.node!.map((each) => (each.opType === "Relu" ? { ...each, opType: "Sparkle" } : each));
    const path = join(folder, "sparkle.onnx");
    writeFileSync(path, encodeOnnx({ ...model, graph: { ...model.graph!, node } }));
    const { model: taken } = await sidecar.call("models.import", { format: "onnx", path });
    const { error } = await sidecar.ask("predict", { model: taken.id, inputs, executor: "auto" });
    expect(error.message).toContain("Sparkle");
    expect(error.data.hint).toMatch(/^onnxruntime refuses it, too/);
  });

  it("is given for an opset where nothing would follow it", async () => {
    const { error } = await sidecar.ask("models.export", { model: "cnn", format: "onnx", opset: 18 });
    expect(error.message).toContain("`opset`");
    const { error: plain } = await sidecar.ask("models.export", { model: "cnn", format: "safetensors", opset: 18 });
    expect(plain.data.violations[0]).toMatchObject({ path: "opset", got: "safetensors" });
  });

  it("is given for bytes that are no ONNX file", async () => {
    const { error } = await sidecar.ask("models.import", {
      format: "onnx",
      b64: Buffer.from("hello there").toString("base64"),
    });
    expect(error.data.reason).toBe("DATA_INVALID");
  });
});

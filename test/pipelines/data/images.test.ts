import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { resize } from "../../../src/pipelines/data/resize.ts";
import { decodePicture, type Picture } from "../../../src/pipelines/files/picture.ts";
import vectors from "../../vectors/images/pictures.json" with { type: "json" };
import { cellsOf, columnOf, load, temporaryFolder, writeTemporary } from "./load.support.ts";

const here = (name: string): string => fileURLToPath(new URL(`../../vectors/images/${name}`, import.meta.url));
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const FASHION = { images: here("fashion-images-idx3-ubyte.gz"), labels: here("fashion-labels-idx1-ubyte.gz") };
const CLOTHES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

describe("IDX files", () => {
  test("become images of one channel, kept as bytes, and numbers", async () => {
    const dataset = await load({ idx: FASHION });
    expect(dataset).toMatchObject({ rows: 30, target: "target", report: { source: "idx" } });
    const inputs = columnOf(dataset, "inputs");
    expect(inputs.shape).toEqual([1, 28, 28]);
    expect(inputs.values).toEqual(new Uint8Array(gunzipSync(readFileSync(FASHION.images)).subarray(16)));
    expect(cellsOf(columnOf(dataset, "target")).slice(0, 5)).toEqual([9, 2, 1, 1, 6]);
  });

  test("need not be packed, may be flat, and may have names for their labels", async () => {
    const dataset = await load({
      idx: {
        images: here("digits-images-idx3-ubyte"),
        labels: here("digits-labels-idx1-ubyte"),
        shape: "flat",
        classes: ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
      },
    });
    expect(columnOf(dataset, "inputs").shape).toEqual([784]);
    expect(cellsOf(columnOf(dataset, "target")).slice(0, 4)).toEqual(["zero", "zero", "one", "one"]);
  });

  test("are joined in their order", async () => {
    const dataset = await load({ idx: { images: [FASHION.images, here("digits-images-idx3-ubyte")] } });
    expect(dataset.rows).toBe(50);
    const { values } = columnOf(dataset, "inputs");
    expect(values.slice(30 * 784)).toEqual(new Uint8Array(readFileSync(here("digits-images-idx3-ubyte")).subarray(16)));
  });

  test("have the hash of the same numbers as floats", async () => {
    const { hash } = await load({ idx: { images: here("digits-images-idx3-ubyte") } });
    const data = Float32Array.from(readFileSync(here("digits-images-idx3-ubyte")).subarray(16));
    expect((await load({ x: { dtype: "F32", shape: [20, 1, 28, 28], data } })).hash).toBe(hash);
  });

  const whole = gunzipSync(readFileSync(FASHION.labels));
  test.each([
    ["cut off", whole.subarray(0, 20), "expected 30 bytes for shape [30], got 12"],
    ["cut off in its header", whole.subarray(0, 6), "a header of 8 bytes, got 6 bytes"],
    ["too long", Buffer.concat([whole, Buffer.of(1)]), "longer than its shape"],
    ["of another kind", Buffer.from("PK\x03\x04 some archive"), "not an IDX file"],
    ["empty", Buffer.alloc(0), "not an IDX file"],
    ["a broken archive", gzipSync(whole).subarray(0, 25), "broken gzip file"],
  ])("are refused by name when %s", async (_, bytes, message) => {
    const path = writeTemporary("labels-ubyte", bytes);
    await expect(load({ idx: { images: FASHION.images, labels: path } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringContaining(message),
      violations: [{ path }],
    });
  });

  test("of other images and labels are refused with both counts", async () => {
    const idx = { images: FASHION.images, labels: here("digits-labels-idx1-ubyte") };
    await expect(load({ idx })).rejects.toMatchObject({
      reason: "SHAPE_MISMATCH",
      message: "x has 30 rows and y has 20",
    });
  });

  test("with a label that has no name are refused by row", async () => {
    await expect(load({ idx: { ...FASHION, classes: CLOTHES.slice(0, 9) } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringContaining("label 9 in row 1"),
    });
  });
});

/** Records of CIFAR's binary version, pixel p of record r being p + r, modulo 256. */
function records(labels: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(
    labels.map((own, row) => Buffer.from([...own, ...Array.from({ length: 3072 }, (_, pixel) => (pixel + row) % 256)])),
  );
}

describe("CIFAR's binary files", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "data_batch_1.bin"), records([[3], [1]]));
  writeFileSync(join(folder, "data_batch_2.bin"), records([[9]]));
  writeFileSync(join(folder, "test_batch.bin"), records([[0]]));
  writeFileSync(join(folder, "batches.meta.txt"), `${"abcdefghij".split("").join("\n")}\n\n`);

  test.each([
    ["train", ["d", "b", "j"]],
    ["test", ["a"]],
    ["all", ["d", "b", "j", "a"]],
  ])("of part %s are found in their folder, with the names of their classes", async (part, names) => {
    const dataset = await load({ cifar: { path: folder, part } });
    expect(cellsOf(columnOf(dataset, "target"))).toEqual(names);
    expect(columnOf(dataset, "inputs").shape).toEqual([3, 32, 32]);
  });

  test("may be named one by one, and hold channel after channel", async () => {
    const dataset = await load({ cifar: { path: join(folder, "data_batch_1.bin") } });
    const { values } = columnOf(dataset, "inputs");
    expect([...values.slice(0, 3), ...values.slice(3072, 3075)]).toEqual([0, 1, 2, 1, 2, 3]);
    expect(cellsOf(columnOf(dataset, "target"))).toEqual([3, 1]);
  });

  test.each([
    ["fine", [42, 99]],
    ["coarse", [7, 19]],
  ])("of CIFAR-100 have %s labels", async (labels, expected) => {
    const path = writeTemporary(
      "train.bin",
      records([
        [7, 42],
        [19, 99],
      ]),
    );
    const dataset = await load({ cifar: { path, variant: "cifar100", labels } });
    expect(cellsOf(columnOf(dataset, "target"))).toEqual(expected);
  });

  test.each([
    ["cut off", { path: writeTemporary("a.bin", records([[1]]).subarray(1)) }, "DATA_INVALID", "no whole number"],
    [
      "of a label beyond the classes",
      { path: writeTemporary("b.bin", records([[1], [10]])) },
      "DATA_INVALID",
      "record 2 has label 10",
    ],
    ["of another variant", { path: folder, variant: "cifar100" }, "NOT_FOUND", "no cifar100 files"],
    ["without coarse labels", { path: folder, labels: "coarse" }, "INVALID_PARAMS", "no coarse labels"],
  ])("that are %s are refused", async (_, cifar, reason, message) => {
    await expect(load({ cifar })).rejects.toMatchObject({ reason, message: expect.stringContaining(message) });
  });
});

describe("pictures", () => {
  test.each(Object.entries(vectors.pictures))("as %s hold what Pillow finds in them", async (name, wanted) => {
    const picture = await decodePicture(bytesOf(wanted.file), name);
    expect([picture.width, picture.height, picture.channels]).toEqual([wanted.width, wanted.height, wanted.channels]);
    const pixels = bytesOf(wanted.pixels);
    // Decoders of JPEG may round differently.
    const allowed = name.endsWith("JPEG") ? 3 : 0;
    const worst = picture.pixels.reduce((most, value, index) => Math.max(most, Math.abs(value - pixels[index]!)), 0);
    expect(picture.pixels.length).toBe(pixels.length);
    expect(worst).toBeLessThanOrEqual(allowed);
  });

  test.each(Object.entries(vectors.resized))(
    "are resized to %s as Pillow does it, to one step",
    async (size, wanted) => {
      const [height, width] = size.split("x").map(Number) as [number, number];
      const { width: from, height: tall, pixels } = vectors.pictures.colour;
      const original: Picture = { width: from, height: tall, channels: 3, pixels: bytesOf(pixels) };
      const resized = resize(original, height, width).pixels;
      const expected = bytesOf(wanted);
      const worst = resized.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0);
      expect(resized.length).toBe(expected.length);
      expect(worst).toBeLessThanOrEqual(1);
    },
  );
});

describe("a folder of pictures by class", () => {
  /** A folder with a class of the given files in each of the given folders. */
  function folderOf(classes: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>): string {
    const root = temporaryFolder();
    for (const [label, files] of Object.entries(classes)) {
      mkdirSync(join(root, label));
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, label, name), bytes);
    }
    return root;
  }
  const picture = (name: keyof typeof vectors.pictures): Uint8Array => bytesOf(vectors.pictures[name].file);
  const boot = readFileSync(here("fashion/ankle boot/00.png"));

  test("holds the images of the IDX file that it was made from", async () => {
    const dataset = await load({ images: { path: here("fashion") } });
    const idx = columnOf(await load({ idx: { ...FASHION, classes: CLOTHES } }), "inputs").values;
    const target = columnOf(dataset, "target");
    expect(dataset.rows).toBe(12);
    expect(cellsOf(target)[0]).toBe("ankle boot");
    expect(target.categories).toEqual([...target.categories!].sort());
    expect(columnOf(dataset, "inputs").values.slice(0, 784)).toEqual(idx.slice(0, 784));
  });

  test("has three channels as soon as one picture has colour, and one when asked to", async () => {
    const path = folderOf({ a: { "1.png": picture("grey of 8 bits") }, b: { "1.JPG": picture("colour JPEG") } });
    expect(columnOf(await load({ images: { path } }), "inputs").shape).toEqual([3, 19, 21]);
    expect(columnOf(await load({ images: { path, channels: "grey" } }), "inputs").shape).toEqual([1, 19, 21]);
  });

  test("says what it left out", async () => {
    const path = folderOf({ a: { "1.png": boot, "notes.txt": Buffer.from("x"), ".hidden": Buffer.from("x") } });
    expect((await load({ images: { path } })).report.notes).toEqual([expect.stringContaining("1 entries")]);
  });

  test("with pictures of different sizes is refused by name, unless a size is asked for", async () => {
    const path = folderOf({ a: { "1.png": boot }, b: { "2.png": picture("colour") } });
    await expect(load({ images: { path } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      violations: [{ path: join(path, "b", "2.png"), message: "mixed image sizes", got: "19×21" }],
      hint: expect.stringContaining('"size": [28, 28]'),
    });
    expect(columnOf(await load({ images: { path, size: [10, 12] } }), "inputs").shape).toEqual([3, 10, 12]);
  });

  test.each([
    ["an empty class", folderOf({ a: { "1.png": boot }, b: {} }), "empty class"],
    ["no class", folderOf({}), "no classes"],
    ["a broken PNG", folderOf({ a: { "1.png": boot.subarray(0, 60) } }), "broken PNG file"],
    ["a broken JPEG", folderOf({ a: { "1.jpg": picture("colour JPEG").subarray(0, 200) } }), "broken JPEG file"],
    ["a text that is called a picture", folderOf({ a: { "1.png": Buffer.from("hello") } }), "no picture"],
  ])("with %s is refused", async (_, path, message) => {
    await expect(load({ images: { path } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test("with a link that leads out of the allowed folders is refused", async () => {
    const path = folderOf({ a: { "1.png": boot } });
    symlinkSync(here("fashion/trouser"), join(path, "b"));
    await expect(load({ images: { path } }, { roots: [path] })).rejects.toMatchObject({ reason: "PATH_DENIED" });
  });

  test("with a picture that is a link out of the allowed folders is refused", async () => {
    const path = folderOf({ a: { "1.png": boot } });
    symlinkSync(here("fashion/ankle boot/00.png"), join(path, "a", "2.png"));
    await expect(load({ images: { path } }, { roots: [path] })).rejects.toMatchObject({ reason: "PATH_DENIED" });
  });

  test("that is a file, or is not there, is refused", async () => {
    await expect(load({ images: { path: FASHION.images } })).rejects.toMatchObject({ reason: "PATH_DENIED" });
    await expect(load({ images: { path: here("nowhere") } })).rejects.toMatchObject({ reason: "NOT_FOUND" });
  });
});

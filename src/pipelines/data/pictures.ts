/** @file A folder of pictures, one folder for each class: PNG and JPEG, brought to one size and one number of channels. */
import { basename, join } from "node:path";
import { Fault } from "../../engine/index.ts";
import { listFolder } from "../files/folder.ts";
import { decodePicture, isPicture, type Picture } from "../files/picture.ts";
import { readRegularFile } from "../files/regular.ts";
import type { Column } from "./dataset.ts";
import type { FormOptions } from "./reference.ts";
import { resize } from "./resize.ts";
import { columnsOfTensors } from "./tensors.ts";

type Options = FormOptions<"images">["images"];
type Roots = readonly string[] | undefined;

interface Found {
  readonly path: string;
  readonly label: string;
  readonly picture: Picture;
}

/** What a folder held: columns, and what was left out. */
export interface PictureColumns {
  readonly columns: Column[];
  readonly notes: readonly string[];
}

/**
 * Images as [channels, height, width] bytes, classes by their folders' names; rows in the order of names.
 * Faults: DATA_INVALID for a folder without classes, a class without pictures, a broken picture, and, where no `size` is
 * asked for, pictures of different sizes, all by name; NOT_FOUND where a reader is not installed; PATH_DENIED for what
 * leads out of `roots`.
 */
export async function readPictures({ path, size, channels }: Options, roots: Roots): Promise<PictureColumns> {
  const folders = (await listFolder(path, roots)).filter(({ isFolder }) => isFolder);
  if (folders.length === 0) {
    throw invalid(path, "no classes", "a folder for each class, with its pictures inside", "no folder");
  }
  const found: Found[] = [];
  let others = 0;
  for (const folder of folders) {
    const entries = await listFolder(folder.path, roots);
    const pictures = entries.filter(({ name, isFolder }) => !isFolder && isPicture(name));
    others += entries.length - pictures.length;
    if (pictures.length === 0) throw invalid(folder.path, "empty class", "at least one PNG or JPEG file", "none");
    for (const entry of pictures) {
      const picture = await decodePicture(await readRegularFile(entry.path, { roots }), entry.path);
      const sized = size === undefined ? picture : resize(picture, ...size);
      refuseOtherSize(found[0], sized, entry.path);
      found.push({ path: join(folder.name, entry.name), label: folder.name, picture: sized });
    }
  }
  const colour = channels === undefined ? found.some(({ picture }) => picture.channels === 3) : channels === "rgb";
  const planes = colour ? 3 : 1;
  const { width, height } = found[0]!.picture;
  const data = new Uint8Array(found.length * planes * width * height);
  for (const [row, { picture }] of found.entries()) writePlanes(picture, planes, data, row * planes * width * height);
  return {
    columns: columnsOfTensors(
      { dtype: "U8", shape: [found.length, planes, height, width], data },
      { dtype: "STRING", shape: [found.length], data: found.map(({ label }) => label) },
    ),
    notes: others === 0 ? [] : [`${others} entries of ${basename(path)} are no pictures and were left out`],
  };
}

/** Channels side by side become planes one after the other; grey by the luma of ITU-R BT.601. */
function writePlanes({ channels, pixels }: Picture, planes: 1 | 3, into: Uint8Array, start: number): void {
  const plane = pixels.length / channels;
  for (let pixel = 0; pixel < plane; pixel++) {
    if (channels === 3 && planes === 1) {
      const from = pixel * 3;
      into[start + pixel] = Math.round(0.299 * pixels[from]! + 0.587 * pixels[from + 1]! + 0.114 * pixels[from + 2]!);
      continue;
    }
    for (let channel = 0; channel < planes; channel++)
      into[start + channel * plane + pixel] = pixels[pixel * channels + (channels === 3 ? channel : 0)]!;
  }
}

function refuseOtherSize(first: Found | undefined, { width, height }: Picture, path: string): void {
  if (first === undefined || (first.picture.width === width && first.picture.height === height)) return;
  const expected = `${first.picture.height}×${first.picture.width}, as \`${first.path}\` has`;
  const got = `${height}×${width}`;
  throw new Fault("DATA_INVALID", `\`${path}\` is of another size: expected ${expected}, got ${got} (height × width)`, {
    violations: [{ path, message: "mixed image sizes", expected, got }],
    hint: `say "size": [${first.picture.height}, ${first.picture.width}] to bring all to one size`,
  });
}

function invalid(path: string, problem: string, expected: string, got: string): Fault {
  return new Fault("DATA_INVALID", `\`${path}\`: ${problem}: expected ${expected}, got ${got}`, {
    violations: [{ path, message: problem, expected, got }],
    hint: "lay the pictures out as folder/class/picture.png",
  });
}

/**
 * @file PNG and JPEG files as bytes, by fast-png and jpeg-js: optional packages, imported when the first picture of their
 * kind comes. Whatever a file holds (palette, 1 to 16 bits, transparency) comes out as grey or RGB of 8 bits.
 */
import { Fault } from "../../engine/index.ts";

/** Rows from the top, pixels from the left, channels side by side. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** height × width × channels. */
  readonly pixels: Uint8Array;
}

type Decoder = (bytes: Uint8Array) => Picture;

interface Format {
  readonly name: string;
  /** The package that reads it. */
  readonly package: string;
  readonly extensions: readonly string[];
  /** The bytes that it begins with. */
  readonly signature: readonly number[];
  load(): Promise<Decoder>;
}

/** Pictures with more pixels are refused before they are unpacked. */
const MOST_PIXELS = 2 ** 27;

const FORMATS: readonly Format[] = [
  {
    name: "PNG",
    package: "fast-png",
    extensions: [".png"],
    signature: [0x89, 0x50, 0x4e, 0x47],
    async load() {
      const { decode } = await import("fast-png");
      return (bytes) => {
        const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        if (bytes.length < 33) throw new Error("the file is cut off");
        if (header.getUint32(16) * header.getUint32(20) > MOST_PIXELS) throw tooLarge();
        const { width, height, channels, depth, palette, data } = decode(bytes);
        const samples = palette === undefined ? channels : 1;
        const values = depth < 8 ? unpackBits(data as Uint8Array, width * samples, height, depth) : data;
        if (palette !== undefined) return { width, height, channels: 3, pixels: colours(values, palette) };
        const whole = 2 ** depth - 1;
        const colour = channels > 2 ? 3 : 1;
        const pixels = new Uint8Array(width * height * colour);
        for (let pixel = 0, to = 0; pixel < width * height; pixel++) {
          for (let channel = 0; channel < colour; channel++)
            pixels[to++] = Math.round((values[pixel * channels + channel]! * 255) / whole);
        }
        return { width, height, channels: colour, pixels };
      };
    },
  },
  {
    name: "JPEG",
    package: "jpeg-js",
    extensions: [".jpg", ".jpeg"],
    signature: [0xff, 0xd8, 0xff],
    async load() {
      const { decode } = (await import("jpeg-js")).default;
      return (bytes) => {
        const { width, height, data } = decode(bytes, {
          useTArray: true,
          formatAsRGBA: false,
          tolerantDecoding: false,
          maxResolutionInMP: MOST_PIXELS / 1e6,
          maxMemoryUsageInMB: 2048,
        });
        if (data.every((value, index) => value === data[index - (index % 3)]))
          return { width, height, channels: 1, pixels: data.filter((_, index) => index % 3 === 0) };
        return { width, height, channels: 3, pixels: data };
      };
    },
  },
];

/** Whether a file's name promises a picture that can be read. */
export function isPicture(name: string): boolean {
  const lower = name.toLowerCase();
  return FORMATS.some(({ extensions }) => extensions.some((extension) => lower.endsWith(extension)));
}

const decoders = new Map<string, Promise<Decoder>>();

/**
 * A picture from a file's bytes; the format is told by its first bytes.
 * Faults: DATA_INVALID for what is neither PNG nor JPEG, or broken; LIMIT_EXCEEDED past 2²⁷ pixels; NOT_FOUND, naming
 * the package, where what reads the format is not installed.
 */
export async function decodePicture(bytes: Uint8Array, source: string): Promise<Picture> {
  const format = FORMATS.find(({ signature }) => signature.every((byte, index) => bytes[index] === byte));
  if (format === undefined) {
    const begins = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw invalid(source, "no picture", "a PNG or JPEG file", `a file that begins with ${begins || "nothing"}`);
  }
  const known = decoders.get(format.name) ?? format.load();
  decoders.set(format.name, known);
  const decode = await known.catch((cause: unknown) => {
    decoders.delete(format.name);
    throw absent(source, format, cause);
  });
  try {
    return decode(bytes);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const { message } = cause as Error;
    throw invalid(source, `broken ${format.name} file`, "a whole file", message, cause);
  }
}

/** Numbers of 1, 2 or 4 bits, packed from the left, each row beginning a byte. */
function unpackBits(packed: Uint8Array, perRow: number, rows: number, depth: number): Uint8Array {
  const values = new Uint8Array(perRow * rows);
  const bytesPerRow = Math.ceil((perRow * depth) / 8);
  if (packed.length === values.length && bytesPerRow !== perRow) return packed;
  for (let index = 0; index < values.length; index++) {
    const bit = (index % perRow) * depth;
    const byte = packed[Math.floor(index / perRow) * bytesPerRow + (bit >> 3)]!;
    values[index] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return values;
}

function colours(indices: ArrayLike<number>, palette: readonly (readonly number[])[]): Uint8Array {
  const pixels = new Uint8Array(indices.length * 3);
  for (let pixel = 0; pixel < indices.length; pixel++) pixels.set(palette[indices[pixel]!]!.slice(0, 3), pixel * 3);
  return pixels;
}

function tooLarge(): Fault {
  return new Fault("LIMIT_EXCEEDED", `a picture has more than ${MOST_PIXELS} pixels`, {
    hint: "make it smaller first",
  });
}

function absent(source: string, { name, package: needed }: Format, cause: unknown): Fault {
  return new Fault(
    "NOT_FOUND",
    `\`${source}\`: ${name} files are read by the optional package ${needed}, which is not installed`,
    {
      violations: [{ path: source, message: "no reader", expected: `the package ${needed}`, got: "not installed" }],
      hint: `install it beside ml-sidecar: npm install ${needed}`,
      cause,
    },
  );
}

function invalid(source: string, problem: string, expected: string, got: string, cause?: unknown): Fault {
  return new Fault("DATA_INVALID", `\`${source}\`: ${problem}: expected ${expected}, got ${got}`, {
    violations: [{ path: source, message: problem, expected, got }],
    hint: "replace the file, or take it out of the folder",
    cause,
  });
}

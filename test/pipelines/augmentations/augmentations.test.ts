import { describe, expect, it } from "vitest";
import { inverseAffine, warp } from "../../../src/pipelines/augmentations/warp.ts";
import { augmentations, augmented, counted, samples } from "./rows.ts";

const ROW = counted([1, 4, 5]);
const list = (values: Iterable<number>): number[] => [...values];
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const SQUARE = [1, 5, 5] as const;

describe("randomCrop", () => {
  it("moves the image by at most its padding, all moves alike often, and fills what is left", () => {
    const firsts = samples(2000, { type: "randomCrop", padding: 1, fill: -1 }, ROW).map((row) => row[6]!);
    // Pixel (1, 1) shows one of the nine pixels around it.
    expect(new Set(firsts)).toEqual(new Set([1, 2, 3, 6, 7, 8, 11, 12, 13]));
    for (const pixel of new Set(firsts))
      expect(firsts.filter((first) => first === pixel).length / 2000).toBeCloseTo(1 / 9, 1);
  });

  it.each([
    ["constant", [9, 9, 1, 2, 3]],
    ["edge", [1, 1, 1, 2, 3]],
    ["reflect", [3, 2, 1, 2, 3]],
    ["symmetric", [2, 1, 1, 2, 3]],
  ])("pads in mode %s", (paddingMode, expected) => {
    const rows = samples(300, { type: "randomCrop", padding: 2, fill: 9, paddingMode }, ROW);
    // Somewhere among them is the image moved by two to the right and not down.
    expect(rows.map((row) => list(row.slice(0, 5)))).toContainEqual(expected);
  });

  it("moves all channels together", () => {
    const row = counted([2, 4, 5]);
    for (const changed of samples(50, { type: "randomCrop", padding: 2, fill: 0 }, row, { shape: [2, 4, 5] }))
      expect(list(changed.slice(20)).map((value) => Math.max(0, value - 20))).toEqual(list(changed.slice(0, 20)));
  });
});

describe("randomResizedCrop", () => {
  it("of the whole area leaves the image as it is", () => {
    const wish = { type: "randomResizedCrop", scale: [1, 1], ratio: [1, 1] };
    const row = counted(SQUARE);
    expect(augmented(wish, row, { shape: SQUARE }).row).toEqual(row);
  });

  it("shows a part of the image, with nothing from outside", () => {
    for (const row of samples(100, { type: "randomResizedCrop" }, ROW)) {
      expect(Math.min(...row)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...row)).toBeLessThanOrEqual(20);
      expect(row[0]).toBeLessThanOrEqual(row[19]!);
    }
  });
});

describe("flips", () => {
  it.each([
    ["randomHorizontalFlip", [5, 4, 3, 2, 1, 10, 9, 8, 7, 6, 15, 14, 13, 12, 11, 20, 19, 18, 17, 16]],
    ["randomVerticalFlip", [16, 17, 18, 19, 20, 11, 12, 13, 14, 15, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5]],
  ])("%s mirrors rows as often as p says", (type, mirrored) => {
    expect(list(augmented({ type, p: 1 }, ROW).row)).toEqual(mirrored);
    expect(augmented({ type, p: 0 }, ROW).row).toEqual(ROW);
    const flipped = samples(1000, { type, p: 0.3 }, ROW).filter((row) => row[0] !== 1);
    expect(flipped.length / 1000).toBeCloseTo(0.3, 1);
  });
});

describe("randomRotation", () => {
  const row = counted(SQUARE);

  it("by 90 degrees turns counter-clockwise, pixel for pixel", () => {
    const turned = augmented({ type: "randomRotation", degrees: [90, 90] }, row, { shape: SQUARE }).row;
    expect(list(turned.slice(0, 5))).toEqual([5, 10, 15, 20, 25]);
    expect(list(turned.slice(20))).toEqual([1, 6, 11, 16, 21]);
  });

  it.each(["nearest", "bilinear"])("by 0 degrees changes nothing (%s)", (interpolation) => {
    const wish = { type: "randomRotation", degrees: 0, interpolation };
    expect(augmented(wish, row, { shape: SQUARE }).row).toEqual(row);
  });

  it("fills corners", () => {
    const wish = { type: "randomRotation", degrees: [45, 45], fill: -7 };
    expect(augmented(wish, row, { shape: SQUARE }).row[0]).toBe(-7);
  });
});

describe("randomAffine", () => {
  const row = counted(SQUARE);
  const moved = (angle: number, shift: [number, number], scale: number, shear: [number, number]): number[] => {
    const into = new Float32Array(25);
    warp(row, into, SQUARE, inverseAffine(angle, shift, scale, shear), "nearest", 0);
    return list(into);
  };

  it("shifts to the right and down", () => {
    expect(moved(0, [1, 2], 1, [0, 0]).slice(10, 15)).toEqual([0, 1, 2, 3, 4]);
  });

  it("turns clockwise", () => {
    expect(moved(90, [0, 0], 1, [0, 0]).slice(0, 5)).toEqual([21, 16, 11, 6, 1]);
  });

  it("scales about the centre", () => {
    expect(moved(0, [0, 0], 5, [0, 0])).toEqual(new Array(25).fill(13));
  });

  it("shears rows along x, the middle one left in place", () => {
    const sheared = moved(0, [0, 0], 1, [45, 0]);
    expect(sheared.slice(10, 15)).toEqual([11, 12, 13, 14, 15]);
    expect(sheared.slice(0, 5)).not.toEqual([1, 2, 3, 4, 5]);
  });

  it("draws within its limits", () => {
    const wish = { type: "randomAffine", degrees: 0, translate: [0.4, 0] };
    const middles = samples(500, wish, row, { shape: SQUARE }).map((changed) => changed[12]!);
    expect(new Set(middles)).toEqual(new Set([11, 12, 13, 14, 15]));
  });
});

describe("colorJitter", () => {
  const shape = [3, 1, 2];
  /** Pixels (200, 100, 50) and (10, 20, 30). */
  const row = Float32Array.of(200, 10, 100, 20, 50, 30);
  const grey = (r: number, g: number, b: number): number => 0.2989 * r + 0.587 * g + 0.114 * b;
  const [first, second] = [grey(200, 100, 50), grey(10, 20, 30)];
  const jittered = (wish: object): number[] => list(augmented({ type: "colorJitter", ...wish }, row, { shape }).row);
  const close = (values: number[], expected: number[]): void => {
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(expected[index]!, 3);
  };

  it("leaves images alone by default", () => {
    expect(jittered({})).toEqual(list(row));
  });

  it("multiplies by the brightness, within the range", () => {
    close(jittered({ brightness: [2, 2] }), [255, 20, 200, 40, 100, 60]);
  });

  it("without contrast is the mean grey", () => {
    close(jittered({ contrast: [0, 0] }), new Array(6).fill((first + second) / 2));
  });

  it("without saturation is each pixel's grey", () => {
    close(jittered({ saturation: [0, 0] }), [first, second, first, second, first, second]);
  });

  it("turns hues: by half a circle to the complement, by a third from red to green", () => {
    close(jittered({ hue: [0.5, 0.5] }), [50, 30, 150, 20, 200, 10]);
    const red = Float32Array.of(255, 0, 0);
    const wish = { type: "colorJitter", hue: [1 / 3, 1 / 3] };
    close(list(augmented(wish, red, { shape: [3, 1, 1] }).row), [0, 255, 0]);
  });

  it("of grey images changes brightness and contrast only", () => {
    const wish = { type: "colorJitter", saturation: [0, 0], hue: [0.2, 0.2] };
    expect(augmented(wish, ROW).row).toEqual(ROW);
  });
});

describe("randomErasing", () => {
  it("overwrites one rectangle whose area and sides are within their limits", () => {
    const shape = [1, 20, 20];
    const wish = { type: "randomErasing", p: 1, scale: [0.1, 0.3], ratio: [0.5, 2], value: -1 };
    for (const row of samples(100, wish, counted(shape), { shape })) {
      const erased = list(row).flatMap((value, index) => (value === -1 ? [index] : []));
      const rows = new Set(erased.map((index) => Math.floor(index / 20))).size;
      const columns = new Set(erased.map((index) => index % 20)).size;
      expect(erased).toHaveLength(rows * columns);
      expect(erased.length / 400).toBeGreaterThan(0.07);
      expect(erased.length / 400).toBeLessThan(0.35);
    }
  });

  it("may write noise over the range of the data", () => {
    const wish = { type: "randomErasing", p: 1, scale: [0.3, 0.3], ratio: [1, 1], value: "random" };
    const { row } = augmented(wish, new Float32Array(100).fill(-9), { shape: [1, 10, 10], low: 2, high: 3 });
    const written = list(row).filter((value) => value !== -9);
    expect(written.length).toBeGreaterThan(10);
    expect(written.every((value) => value >= 2 && value <= 3)).toBe(true);
    expect(new Set(written).size).toBeGreaterThan(5);
  });
});

describe("gaussianNoise", () => {
  it("has the mean and the deviation asked for, as shares of the range", () => {
    const flat = new Float32Array(10_000).fill(100);
    const wish = { type: "gaussianNoise", mean: 0.1, sigma: 0.05 };
    const noise = list(augmented(wish, flat, { shape: [1, 100, 100], high: 200 }).row).map((value) => value - 100);
    expect(mean(noise)).toBeCloseTo(20, 0);
    expect(Math.sqrt(mean(noise.map((value) => (value - 20) ** 2)))).toBeCloseTo(10, 0);
  });

  it("stays within the range unless told not to clip", () => {
    const beyond = (clip: boolean): boolean =>
      augmented({ type: "gaussianNoise", sigma: 1, clip }, ROW).row.some((value) => value < 0 || value > 255);
    expect([beyond(true), beyond(false)]).toEqual([false, true]);
  });
});

describe("sequences", () => {
  const shape = [11, 2];
  /** Feature 0 is the time, feature 1 ten times it. */
  const row = Float32Array.from({ length: 22 }, (_, index) => Math.floor(index / 2) * (index % 2 === 0 ? 1 : 10));
  const facts = { shape, deviations: [1, 100] };

  it("cropped are a window, stretched evenly to the whole length", () => {
    for (const changed of samples(50, { type: "sequenceCrop", scale: [0.5, 0.5] }, row, facts)) {
      const times = list(changed).filter((_, index) => index % 2 === 0);
      expect(times[10]! - times[0]!).toBeCloseTo(5, 4);
      expect(times[6]! - times[5]!).toBeCloseTo(0.5, 4);
      expect(times[0]).toBeGreaterThanOrEqual(0);
      for (let index = 0; index < 22; index += 2) expect(changed[index + 1]).toBeCloseTo(10 * changed[index]!, 3);
    }
  });

  it("scaled have a factor for each feature, the same at all times", () => {
    const changed = augmented({ type: "sequenceScale" }, row, facts).row;
    const factors = [2, 3].map((index) => changed[index]! / row[index]!);
    expect(factors[0]).not.toBe(factors[1]);
    for (let index = 2; index < 22; index++) expect(changed[index]! / row[index]!).toBeCloseTo(factors[index % 2]!, 5);
  });

  it("jittered have noise in proportion to each feature's deviation", () => {
    const changes = samples(300, { type: "sequenceJitter" }, row, facts).map((changed) =>
      changed.map((v, i) => v - row[i]!),
    );
    const deviation = (feature: number): number =>
      Math.sqrt(mean(changes.flatMap((change) => list(change).filter((_, i) => i % 2 === feature)).map((v) => v * v)));
    expect(deviation(0)).toBeCloseTo(0.03, 2);
    expect(deviation(1)).toBeCloseTo(3, 0);
  });

  it("masked have one stretch of time overwritten, not longer than allowed", () => {
    const lengths = samples(200, { type: "sequenceMask", most: 0.5, value: -1 }, row, facts).map((changed) => {
      const masked = list(changed).flatMap((value, index) => (value === -1 ? [index] : []));
      expect(masked.every((index, place) => place === 0 || index === masked[place - 1]! + 1)).toBe(true);
      expect(masked.length % 2).toBe(0);
      return masked.length / 2;
    });
    expect(Math.max(...lengths)).toBe(6);
    expect(Math.min(...lengths)).toBe(0);
  });
});

describe("mixing", () => {
  const partner = new Float32Array(20).fill(100);

  it("mixUp is the weighted mean that its share says", () => {
    const { row, share } = augmented({ type: "mixUp" }, ROW, {}, 3, partner);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    for (const [index, value] of row.entries()) expect(value).toBeCloseTo(share! * ROW[index]! + (1 - share!) * 100, 4);
  });

  it("cutMix pastes a rectangle, and its share is the area that is left", () => {
    const shape = [2, 10, 10];
    const own = new Float32Array(200);
    for (let sample = 0; sample < 50; sample++) {
      const { row, share } = augmented({ type: "cutMix" }, own, { shape }, sample, new Float32Array(200).fill(1));
      expect(share).toBeCloseTo(1 - mean(list(row)), 6);
      expect(list(row.slice(100))).toEqual(list(row.slice(0, 100)));
    }
  });

  it.each([
    [1, 1 / 12],
    [0.2, 1 / (4 * 1.4)],
    [4, 1 / (4 * 9)],
  ])("draws shares from a beta distribution of alpha %d, with its variance, %d", (alpha, variance) => {
    const shares = Array.from(
      { length: 4000 },
      (_, sample) => augmented({ type: "mixUp", alpha }, ROW, {}, sample, partner).share!,
    );
    expect(mean(shares)).toBeCloseTo(0.5, 1);
    expect(mean(shares.map((share) => (share - 0.5) ** 2))).toBeCloseTo(variance, 2);
  });

  it("leaves rows alone as often as p says", () => {
    expect(augmented({ type: "mixUp", p: 0 }, ROW, {}, 0, partner)).toEqual({ row: ROW, share: 1 });
  });
});

it.each([...augmentations.keys()])("%s depends on its random stream and on nothing else", (type) => {
  const shape = augmentations.get(type)!.rows === "sequence" ? [12, 5] : [3, 4, 5];
  const wish = { type, ...(type === "randomRotation" || type === "randomAffine" ? { degrees: 30 } : {}) };
  const row = counted(shape);
  const partner = row.map((value) => 200 - value);
  const once = augmented(wish, row, { shape }, 5, partner);
  augmented(wish, row, { shape }, 6, partner);
  expect(augmented(wish, row, { shape }, 5, partner)).toEqual(once);
});

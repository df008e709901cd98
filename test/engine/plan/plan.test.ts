/** @file The plan: orders that respect dependencies, places that never collide, arenas close to the least possible. */
import { describe, expect, test } from "vitest";
import { engineCases, sequence } from "../../../bench/engine.ts";
import { aligned, type Lifetime, placeInArena } from "../../../src/engine/plan/arena.ts";
import { order } from "../../../src/engine/plan/order.ts";
import { type Buffer, plan } from "../../../src/engine/plan/plan.ts";

const byId = (task: number) => task;

describe("order", () => {
  test("puts dependencies first, and among ready tasks the lowest rank", () => {
    const dependencies = [[3], [], [1], [], [0, 2]];
    expect(order(5, (task) => dependencies[task]!, byId)).toEqual([1, 2, 3, 0, 4]);
    expect(
      order(
        5,
        (task) => dependencies[task]!,
        (task) => -task,
      ),
    ).toEqual([3, 1, 2, 0, 4]);
  });

  test("refuses a circle", () => {
    const dependencies = [[1], [0]];
    expect(() => order(2, (task) => dependencies[task]!, byId)).toThrow("circle");
  });
});

function randomLifetimes(seed: number): Lifetime[] {
  const next = sequence(seed);
  return Array.from({ length: 60 }, () => {
    const first = Math.floor(next() * 50);
    return { bytes: Math.floor(next() * 5000), first, last: first + Math.floor(next() * 10) };
  });
}

describe("the arena", () => {
  test("never gives two buffers that live at once the same byte", () => {
    for (let seed = 0; seed < 50; seed++) {
      const buffers = randomLifetimes(seed);
      const { offsets, bytes } = placeInArena(buffers);
      buffers.forEach((a, i) => {
        expect(offsets[i]! + aligned(a.bytes)).toBeLessThanOrEqual(bytes);
        buffers.forEach((b, j) => {
          if (i >= j || a.first > b.last || b.first > a.last) return;
          const apart = offsets[i]! + aligned(a.bytes) <= offsets[j]! || offsets[j]! + aligned(b.bytes) <= offsets[i]!;
          expect(apart).toBe(true);
        });
      });
    }
  });

  test("lets buffers share memory that don't share time", () => {
    const kilobyte = { bytes: 1024 };
    const { bytes } = placeInArena([0, 1, 2, 3].map((step) => ({ ...kilobyte, first: step, last: step })));
    expect(bytes).toBe(1024);
  });

  test("keeps a value's place until its last reader", () => {
    const buffers = ["a", "b", "c"].map((): Buffer => ({ bytes: 64, address: -1, home: "arena" })) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const [a, b, c] = buffers;
    const { arenaBytes } = plan([
      { reads: [], writes: [a] },
      { reads: [a], writes: [b] },
      { reads: [a, b], writes: [c] },
    ]);
    expect(arenaBytes).toBe(192);
    expect(new Set(buffers.map(({ address }) => address)).size).toBe(3);
  });
});

describe("a program's working memory", () => {
  test.each(engineCases.map(({ name }) => name).filter((name) => !name.startsWith("gemm")))(
    "of %s is within 1.3 times what is alive at once",
    (name) => {
      const built = engineCases.find((engineCase) => engineCase.name === name)!.build();
      const [, planned, , least] =
        /([\d.]+) (\w+) of working memory \(at least ([\d.]+) \2/.exec(built.program.explain()) ?? [];
      built.close();
      expect(Number(planned)).toBeGreaterThan(0);
      expect(Number(planned) / Number(least)).toBeLessThanOrEqual(1.3);
    },
  );
});

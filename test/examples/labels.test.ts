import { expect, it } from "vitest";
import { labels, widthOf } from "../../examples/lessons/draw/index.ts";

it("names of points that lie close together cover neither each other nor a point", () => {
  const points = Array.from(
    { length: 12 },
    (_, index) => [100 + 6 * (index % 4), 100 + 5 * Math.floor(index / 4)] as const,
  );
  const mark = labels(points.map((at, index) => ({ at, label: `name ${index}`, colour: "#000" })));
  const drawn = mark.draw({ x: (value) => value, y: (value) => value });
  const boxes = [...drawn.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</g)].map(([, x, y, text]) => {
    const [left, bottom] = [Number(x), Number(y)];
    return { left, right: left + widthOf(text!, 11), top: bottom - 8, bottom };
  });
  expect(boxes).toHaveLength(12);
  for (const [index, box] of boxes.entries()) {
    const inside = points.filter(([x, y]) => x > box.left && x < box.right && y > box.top && y < box.bottom);
    const covered = boxes.filter(
      (other, place) =>
        place !== index &&
        box.left < other.right &&
        other.left < box.right &&
        box.top < other.bottom &&
        other.top < box.bottom,
    );
    expect([inside, covered]).toEqual([[], []]);
  }
});

/** @file Names of points, each as near to its own as it can stand without covering another name or a point. */
import type { Mark, Point } from "./marks.ts";
import { element, FAINT, text, widthOf } from "./svg.ts";

export interface Labelled {
  readonly at: Point;
  readonly label: string;
  readonly colour: string;
}

const SIZE = 11;
/** Pixels around a point that no name may cover. */
const REACH = 4;
/** From here on a name is told to be a point's by a line. */
const FAR = 10;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const touches = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Drawn over other marks: all points that are to stay free have to be among these. */
export function labels(all: readonly Labelled[]): Mark {
  return {
    points: all.map(({ at }) => at),
    draw({ x, y }) {
      const places = all.map(({ at: [px, py] }) => [x(px), y(py)] as const);
      const taken: Box[] = places.map(([px, py]) => ({
        left: px - REACH,
        top: py - REACH,
        right: px + REACH,
        bottom: py + REACH,
      }));
      const drawn = all.map(({ label, colour }, index) => {
        const [px, py] = places[index]!;
        const boxes = around(px, py, widthOf(label, SIZE));
        const box = boxes.find((each) => !taken.some((other) => touches(each, other))) ?? boxes[0]!;
        taken.push(box);
        const nearX = Math.max(box.left, Math.min(px, box.right));
        const nearY = Math.max(box.top, Math.min(py, box.bottom));
        const isFar = Math.hypot(nearX - px, nearY - py) > FAR;
        const line = { x1: px, y1: py, x2: nearX, y2: nearY, stroke: FAINT, "stroke-width": 0.6 };
        return (
          (isFar ? element("line", line) : "") + text(label, box.left, box.bottom - 2.5, { size: SIZE, fill: colour })
        );
      });
      return drawn.join("");
    },
  };
}

/** Places for a name of some width, the best first: right, left, above and below, then ever farther away. */
function around(x: number, y: number, width: number): Box[] {
  const boxes: Box[] = [];
  for (let away = 7; away < 90; away += 5) {
    for (const turn of [0, 4, 2, 6, 1, 7, 3, 5]) {
      const angle = (turn * Math.PI) / 4;
      const [middle, height] = [y + away * Math.sin(angle), SIZE];
      const edge = x + away * Math.cos(angle);
      const left = turn % 4 === 2 ? x - width / 2 : Math.cos(angle) > 0 ? edge : edge - width;
      boxes.push({ left, top: middle - height / 2, right: left + width, bottom: middle + height / 2 });
    }
  }
  return boxes;
}

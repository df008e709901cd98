/** @file What a network makes of an observation before its backbone: numbers, one-hot choices, images with channels first. */
import { concat, type Tensor } from "../../engine/index.ts";
import { type Space, spaceSize } from "./spaces.ts";

/** Images of so many channels at most have them at their end. */
const MOST_CHANNELS = 4;

/** Whether statistics of it say anything: choices and bytes have known ranges. */
export const isNormalisable = (space: Space): boolean => space.type === "box" && space.dtype === "F32";

/** @param x F32 [rows, size of an observation], as an environment gives it @returns F32 [rows, ...], what a backbone takes */
export function encoded(space: Space, x: Tensor): Tensor {
  const rows = x.shape[0]!;
  switch (space.type) {
    case "discrete":
      return oneHot(space.start === undefined ? x : x.sub(space.start), space.n);
    case "multiDiscrete":
      return concat(
        x
          .split(new Array<number>(space.nvec.length).fill(1), 1)
          .map((column, index) => oneHot(column, space.nvec[index]!)),
        1,
      );
    case "multiBinary":
      return x.reshape([rows, spaceSize(space)]);
    case "box":
      return channelsFirst((space.dtype === "U8" ? x.mul(1 / 255) : x).reshape([rows, ...space.shape]), space.shape);
  }
}

const oneHot = (x: Tensor, count: number): Tensor => x.reshape([x.shape[0]!]).round().cast("I32").oneHot(count);

/** [rows, height, width, channels] to [rows, channels, height, width]; [rows, height, width] gets one channel. */
function channelsFirst(x: Tensor, shape: readonly number[]): Tensor {
  if (shape.length === 2) return x.reshape([x.shape[0]!, 1, ...shape]);
  if (shape.length !== 3) return x;
  const [first, , last] = shape as [number, number, number];
  return last <= MOST_CHANNELS && first > last ? x.permute([0, 3, 1, 2]) : x;
}

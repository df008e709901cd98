/** @file An image seen through a linear map: for each pixel the place that it comes from, and what is there. */

/** From a pixel's offset from the image's centre, (x, y), to where it comes from: (a·x + b·y + e, c·x + d·y + f). */
export interface LinearMap {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

/**
 * Angles in degrees, clockwise; y points down. Shift in pixels. The inverse of shift · rotation · shear · scale about the
 * image's centre, as torchvision's `affine` has it.
 */
export function inverseAffine(
  angle: number,
  shift: readonly [number, number],
  scale: number,
  shear: readonly [number, number],
): LinearMap {
  const radians = (value: number): number => (value * Math.PI) / 180;
  const [rotation, shearX, shearY] = [radians(angle), radians(shear[0]), radians(shear[1])];
  // The forward map without scale; its determinant is 1.
  const a = Math.cos(rotation - shearY) / Math.cos(shearY);
  const b = -a * Math.tan(shearX) - Math.sin(rotation);
  const c = Math.sin(rotation - shearY) / Math.cos(shearY);
  const d = -c * Math.tan(shearX) + Math.cos(rotation);
  const inverse = { a: d / scale, b: -b / scale, c: -c / scale, d: a / scale };
  const [x, y] = shift;
  return { ...inverse, e: -(inverse.a * x + inverse.b * y), f: -(inverse.c * x + inverse.d * y) };
}

/**
 * @param from, into [channels, height, width], two different arrays. Pixels from outside are `fill`.
 */
export function warp(
  from: Float32Array,
  into: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  { a, b, c, d, e, f }: LinearMap,
  interpolation: "nearest" | "bilinear",
  fill: number,
): void {
  const plane = height * width;
  const at = (start: number, x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? fill : from[start + y * width + x]!;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [dx, dy] = [column + 0.5 - width / 2, row + 0.5 - height / 2];
      const x = a * dx + b * dy + e + width / 2 - 0.5;
      const y = c * dx + d * dy + f + height / 2 - 0.5;
      const place = row * width + column;
      if (interpolation === "nearest") {
        const [nearX, nearY] = [roundHalfEven(x), roundHalfEven(y)];
        for (let channel = 0; channel < channels; channel++)
          into[channel * plane + place] = at(channel * plane, nearX, nearY);
        continue;
      }
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [right, below] = [x - left, y - top];
      for (let channel = 0; channel < channels; channel++) {
        const start = channel * plane;
        const upper = at(start, left, top) * (1 - right) + at(start, left + 1, top) * right;
        const lower = at(start, left, top + 1) * (1 - right) + at(start, left + 1, top + 1) * right;
        into[start + place] = upper * (1 - below) + lower * below;
      }
    }
  }
}

/** As PyTorch's `grid_sample` rounds: halves to the even neighbour. What sine and cosine leave of a half counts as one. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (Math.abs(rest - 0.5) > 1e-9) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

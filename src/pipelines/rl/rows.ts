/** @file Numbers in rows, copied from where they stand to where they are needed. */

export function copyInto(into: Float32Array | Uint8Array, from: ArrayLike<number>): void {
  if (ArrayBuffer.isView(from)) into.set(from as never);
  else for (let index = 0; index < into.length; index++) into[index] = from[index]!;
}

export function copyAll(into: readonly Float32Array[], from: readonly Float32Array[]): void {
  for (const [index, each] of from.entries()) into[index]!.set(each);
}

/** Copies rows `order[from]` to `order[to − 1]`, of `width` numbers each, to the beginning of `into`. */
export function gatherRows(
  into: { [index: number]: number },
  source: ArrayLike<number>,
  width: number,
  order: Int32Array,
  from: number,
  to: number,
): void {
  let place = 0;
  for (let index = from; index < to; index++) {
    const start = order[index]! * width;
    for (let element = 0; element < width; element++) into[place++] = source[start + element]!;
  }
}

/**
 * @file Blocks of a product's operands that are stored transposed, laid out in the order in which the innermost loop reads
 * them: the right one in panels of eight columns, the left one in quads of rows.
 */

/** Columns [from, from + columns) of a right operand that is stored transposed, at depths [depth0, depth0 + depth): to[panel][k][8]. */
export function packRight(source: usize, leading: i32, depth0: i32, depth: i32, from: i32, columns: i32, all: i32, to: usize): void {
  for (let j = 0; j < columns; j += 8, to += <usize>depth << 5) {
    packFour(source, leading, depth0, depth, from + j, all, to, 32);
    packFour(source, leading, depth0, depth, from + j + 4, all, to + 16, 32);
  }
}

/** A right operand of few columns, `rowBytes` from row to row, in panels of eight: to[panel][k][8]. May read past a row's end. */
export function packColumns(source: usize, rowBytes: usize, depth: i32, columns: i32, to: usize): void {
  for (let j = 0; j < columns; j += 8, source += 32) {
    for (let k = 0, at = source; k < depth; k++, at += rowBytes, to += 32) {
      v128.store(to, v128.load(at));
      v128.store(to, v128.load(at, 16), 16);
    }
  }
}

/** Rows [from, from + rows) of a left operand that is stored transposed, as quads: to[quad][k][4]. */
export function packLeft(source: usize, leading: i32, depth0: i32, depth: i32, from: i32, rows: i32, to: usize): void {
  const quad = <usize>depth << 4;
  const rowBytes = <usize>leading << 2;
  let column = source + <usize>depth0 * rowBytes + (<usize>from << 2);
  let i = 0;
  for (; i + 16 <= rows; i += 16, column += 64, to += quad << 2) {
    for (let k = 0, at = column, top = to; k < depth; k++, at += rowBytes, top += 16) {
      v128.store(top, v128.load(at));
      v128.store(top + quad, v128.load(at, 16));
      v128.store(top + 2 * quad, v128.load(at, 32));
      v128.store(top + 3 * quad, v128.load(at, 48));
    }
  }
  for (; i < rows; i += 4, column += 16, to += quad) {
    for (let k = 0, at = column, top = to; k < depth; k++, at += rowBytes, top += 16) v128.store(top, v128.load(at));
  }
}

/** Four rows that run along the depth, turned so that their elements at one depth stand together; past the last row, it again. */
function packFour(source: usize, leading: i32, depth0: i32, depth: i32, row: i32, rows: i32, to: usize, step: usize): void {
  const last = rows - 1;
  let a = source + ((<usize>min(row, last) * leading + depth0) << 2);
  let b = source + ((<usize>min(row + 1, last) * leading + depth0) << 2);
  let c = source + ((<usize>min(row + 2, last) * leading + depth0) << 2);
  let d = source + ((<usize>min(row + 3, last) * leading + depth0) << 2);
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const va = v128.load(a);
    const vb = v128.load(b);
    const vc = v128.load(c);
    const vd = v128.load(d);
    const ab0 = v128.shuffle<f32>(va, vb, 0, 4, 1, 5);
    const ab1 = v128.shuffle<f32>(va, vb, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
    const cd1 = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
    v128.store(to + step, v128.shuffle<f64>(ab0, cd0, 1, 3));
    v128.store(to + 2 * step, v128.shuffle<f64>(ab1, cd1, 0, 2));
    v128.store(to + 3 * step, v128.shuffle<f64>(ab1, cd1, 1, 3));
    to += step << 2;
    a += 16;
    b += 16;
    c += 16;
    d += 16;
  }
  for (; k < depth; k++) {
    store<f32>(to, load<f32>(a));
    store<f32>(to, load<f32>(b), 4);
    store<f32>(to, load<f32>(c), 8);
    store<f32>(to, load<f32>(d), 12);
    to += step;
    a += 4;
    b += 4;
    c += 4;
    d += 4;
  }
}

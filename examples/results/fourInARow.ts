/** @file Four in a row, many games side by side, as a host keeps them: boards, moves, what each player sees. */

export const ROWS = 6;
export const COLUMNS = 7;
export const PLACES = ROWS * COLUMNS;

const DIRECTIONS = [
  [0, 1],
  [1, 0],
  [1, 1],
  [1, -1],
] as const;

/** A board: 0 is free, 1 and 2 are the players' stones; top row first. */
export type Board = Uint8Array;

/** The lowest free place of a column; −1 where it is full. */
function landing(board: Board, column: number): number {
  for (let row = ROWS - 1; row >= 0; row--) if (board[row * COLUMNS + column] === 0) return row * COLUMNS + column;
  return -1;
}

/** How many of a player's stones lie side by side from, but without, a place. */
function along(board: Board, place: number, player: number, down: number, right: number): number {
  let run = 0;
  for (
    let row = Math.floor(place / COLUMNS) + down, column = (place % COLUMNS) + right;
    ;
    row += down, column += right
  ) {
    const isInside = row >= 0 && row < ROWS && column >= 0 && column < COLUMNS;
    if (!isInside || board[row * COLUMNS + column] !== player) return run;
    run++;
  }
}

/** Puts a stone: 1 for a move that wins, 0 for a draw, null where the game goes on. */
export function move(board: Board, column: number, player: number): number | null {
  const place = landing(board, column);
  board[place] = player;
  const isWon = DIRECTIONS.some(
    ([down, right]) => along(board, place, player, down, right) + along(board, place, player, -down, -right) + 1 >= 4,
  );
  return isWon ? 1 : board.includes(0) ? null : 0;
}

/** Columns with room. */
export const allowed = (board: Board): number[] =>
  Array.from({ length: COLUMNS }, (_, column) => column).filter((column) => board[column] === 0);

/** Two planes [2, ROWS, COLUMNS], first the stones of the one who looks; and which moves are left. */
export function look(board: Board, player: number, planes: Float32Array, mask: Uint8Array): void {
  for (let place = 0; place < PLACES; place++) {
    planes[place] = board[place] === player ? 1 : 0;
    planes[PLACES + place] = board[place] === 3 - player ? 1 : 0;
  }
  const isFull = !board.subarray(0, COLUMNS).includes(0);
  for (let column = 0; column < COLUMNS; column++) mask[column] = isFull || board[column] === 0 ? 1 : 0;
}

/** @file Those that a learner has been: kept as models of their own, drawn as opponents, and rated with it by Elo. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeTensor, encodeTensor, type Sidecar } from "../../clients/typescript/index.ts";
import type { Dice } from "./dice.ts";
import { COLUMNS, ROWS } from "./fourInARow.ts";
import type { View } from "./seats.ts";

/** How far a game's result moves a rating. */
const ELO_STEP = 4;

export interface Player {
  /** Null: moves at random. Its rating is 0, and all others follow from that. */
  readonly model: string | null;
  elo: number;
}

/** What players see, as tensors of the wire. */
export const tensorsOf = ({ planes, mask }: View) => ({
  observations: encodeTensor({ dtype: "F32", shape: [mask.length / COLUMNS, 2, ROWS, COLUMNS], data: planes }),
  mask: encodeTensor({ dtype: "U8", shape: [mask.length / COLUMNS, COLUMNS], data: mask }),
});

/** Moves both ratings by a game's result for the first: 1, 0 or −1 (Elo 1978). */
export function rate(own: Player, other: Player, result: number): void {
  const expected = 1 / (1 + 10 ** ((other.elo - own.elo) / 400));
  const change = ELO_STEP * ((result + 1) / 2 - expected);
  own.elo += change;
  if (other.model !== null) other.elo -= change;
}

export interface PastSelves {
  /** The oldest first. */
  readonly players: readonly Player[];
  /** One more; when there are too many, one goes, never the newest. */
  keep(own: Player): Promise<void>;
  /** The newest with some probability, else any. */
  draw(newest: number): Player;
  /** What a player does, drawn as in training; null where it moves at random. */
  ask(player: Player, view: View): Promise<ArrayLike<number | bigint> | null>;
  forget(): void;
}

/** @param most how many are kept beside the one that moves at random, which is there from the beginning until the first is kept */
export function createPastSelves(sidecar: Sidecar, dice: Dice, most: number): PastSelves {
  const folder = mkdtempSync(join(tmpdir(), "selves-"));
  const players: Player[] = [{ model: null, elo: 0 }];
  let [kept, asked] = [0, 0];
  return {
    players,
    async keep({ model, elo }) {
      const path = join(folder, `self-${kept++}`);
      await sidecar.models.save({ model: model!, path });
      const { model: copy } = await sidecar.models.load({ path });
      players.push({ model: copy.id, elo });
      if (players[0]!.model === null) players.shift();
      if (players.length <= most) return;
      const [gone] = players.splice(dice.below(players.length - 1), 1);
      await sidecar.models.delete({ model: gone!.model! });
    },
    draw: (newest) => (dice.chance(newest) ? players.at(-1)! : dice.anyOf(players)),
    async ask({ model }, view) {
      if (model === null) return null;
      const request = { model, ...tensorsOf(view), deterministic: false, seed: asked++ };
      return decodeTensor((await sidecar.policy.act(request as never)).actions).data;
    },
    forget: () => rmSync(folder, { recursive: true, force: true }),
  };
}

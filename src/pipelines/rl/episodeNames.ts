/** @file Episodes under way by the names that their host gave them: each once, and none anew that has ended. */
import { Fault } from "../../engine/index.ts";

const MOST_OPEN = 65_536;
/** Names of episodes that have ended are remembered, so that one asked again is refused. */
const MOST_REMEMBERED = 65_536;

export interface NamedEpisodes<Episode> {
  readonly size: number;
  find(name: string): Episode | undefined;
  /** @throws NOT_FOUND for one that has not begun, INVALID_STATE for one that has ended */
  get(name: string): Episode;
  /** @throws INVALID_PARAMS, INVALID_STATE, LIMIT_EXCEEDED for names that cannot all be asked at once */
  expect(names: readonly string[]): void;
  open(name: string, episode: Episode): void;
  end(name: string): void;
}

export function createNamedEpisodes<Episode>(): NamedEpisodes<Episode> {
  const open = new Map<string, Episode>();
  const over = new Set<string>();

  return {
    get size() {
      return open.size;
    },
    find: (name) => open.get(name),
    get(name) {
      const episode = open.get(name);
      if (episode === undefined) throw absent(name, over.has(name));
      return episode;
    },
    expect(names) {
      const [seen, fresh] = [new Set<string>(), new Set<string>()];
      for (const [index, name] of names.entries()) {
        if (seen.has(name)) throw notOnce(name, names.indexOf(name), false);
        if (over.has(name)) throw notOnce(name, index, true);
        seen.add(name);
        if (!open.has(name)) fresh.add(name);
      }
      if (open.size + fresh.size <= MOST_OPEN) return;
      throw new Fault("LIMIT_EXCEEDED", `more than ${MOST_OPEN} episodes would be under way`, {
        violations: [
          {
            path: "episodes",
            message: "too many at once",
            expected: `at most ${MOST_OPEN - open.size} new ones`,
            got: String(fresh.size),
          },
        ],
        hint: "end those that are over with `policy.end`",
      });
    },
    open: (name, episode) => void open.set(name, episode),
    end(name) {
      open.delete(name);
      over.add(name);
      if (over.size > MOST_REMEMBERED) over.delete(over.values().next().value!);
    },
  };
}

function absent(name: string, hasEnded: boolean): Fault {
  return new Fault(
    hasEnded ? "INVALID_STATE" : "NOT_FOUND",
    `episode ${JSON.stringify(name)} ${hasEnded ? "has ended" : "has not begun"}`,
    {
      violations: [
        { path: "episode", message: hasEnded ? "ended" : "unknown", expected: "an episode under way", got: name },
      ],
      hint: hasEnded ? "begin another under a new name" : "an episode begins with its first `policy.act`",
      context: { episode: name, field: "episode" },
    },
  );
}

function notOnce(name: string, index: number, hasEnded: boolean): Fault {
  return new Fault(
    hasEnded ? "INVALID_STATE" : "INVALID_PARAMS",
    `episode ${JSON.stringify(name)} ${hasEnded ? "has ended" : "stands twice"}`,
    {
      violations: [
        {
          path: `episodes[${index}]`,
          message: hasEnded ? "ended" : "named twice",
          expected: "each episode once, and none that has ended",
          got: name,
        },
      ],
      hint: hasEnded ? "begin another under a new name" : "send one observation for each episode",
      context: { environment: index, field: "episodes", episode: name },
    },
  );
}

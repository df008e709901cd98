/** @file The registry: everything that can be chosen by name, ours first, then each plugin's, in plain maps. */
import { Fault } from "../../engine/index.ts";
import { AUGMENTATIONS } from "../augmentations/index.ts";
import { BACKBONES } from "../backbones/index.ts";
import { DATASETS } from "../data/builtin.ts";
import { HEADS } from "../heads/index.ts";
import { LOSSES } from "../losses/index.ts";
import { OPTIMIZERS } from "../optimizers/index.ts";
import { PIPELINES } from "../pipelines.ts";
import type { Algorithm } from "../rl/algorithm.ts";
import { ALGORITHMS } from "../rl/algorithms/index.ts";
import type { Environment } from "../rl/environment.ts";
import { ENVIRONMENTS } from "../rl/environments/index.ts";
import { SCHEDULES } from "../schedules/index.ts";
import type {
  Augmentation,
  Backbone,
  DatasetSource,
  Definition,
  Head,
  Loss,
  Optimizer,
  Pipeline,
  Plugin,
  Schedule,
} from "./define.ts";

export interface Registry {
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly backbones: ReadonlyMap<string, Backbone>;
  readonly heads: ReadonlyMap<string, Head>;
  readonly losses: ReadonlyMap<string, Loss>;
  readonly optimizers: ReadonlyMap<string, Optimizer>;
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly augmentations: ReadonlyMap<string, Augmentation>;
  readonly datasets: ReadonlyMap<string, DatasetSource>;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly algorithms: ReadonlyMap<string, Algorithm>;
  /** The plugins whose definitions are in it. */
  readonly plugins: readonly { readonly name: string; readonly version: string }[];
}

/** The kinds of definition, under the name of their room in the registry, the catalog and a plugin. */
export const KINDS = [
  "pipelines",
  "backbones",
  "heads",
  "losses",
  "optimizers",
  "schedules",
  "augmentations",
  "datasets",
  "environments",
  "algorithms",
] as const;
export type Kind = (typeof KINDS)[number];

/** What the project itself brings; a plugin is one more of these. */
const OWN: Plugin = {
  name: "ml-sidecar",
  version: "1",
  pipelines: PIPELINES,
  backbones: BACKBONES,
  heads: HEADS,
  losses: LOSSES,
  optimizers: OPTIMIZERS,
  schedules: SCHEDULES,
  augmentations: AUGMENTATIONS,
  datasets: DATASETS,
  environments: ENVIRONMENTS,
  algorithms: ALGORITHMS,
};

/** @throws ALREADY_EXISTS when a plugin takes a name that is taken. */
export function createRegistry(plugins: readonly Plugin[] = []): Registry {
  const maps = Object.fromEntries(KINDS.map((kind) => [kind, new Map<string, Definition>()])) as Record<
    Kind,
    Map<string, Definition>
  >;
  const owners = new Map<string, string>();
  for (const plugin of [OWN, ...plugins]) {
    for (const kind of KINDS) {
      for (const definition of plugin[kind] ?? []) {
        const place = `${kind}.${definition.type}`;
        const owner = owners.get(place);
        if (owner !== undefined) {
          throw new Fault(
            "ALREADY_EXISTS",
            `plugin \`${plugin.name}\` defines \`${place}\`, which \`${owner}\` has already`,
            {
              violations: [{ path: place, message: "name taken", got: definition.type }],
              hint: "give it another `type`",
            },
          );
        }
        owners.set(place, plugin.name);
        maps[kind].set(definition.type, definition);
      }
    }
  }
  return {
    ...(maps as unknown as Omit<Registry, "plugins">),
    plugins: plugins.map(({ name, version }) => ({ name, version })),
  };
}

/** @file Everything that lives as long as the process, in one place: what the handlers work on. */
import type { Arrivals } from "./arrivals.ts";
import type { Settings } from "./commandline.ts";
import type { Connection } from "./connection.ts";
import type { Datasets } from "./datasets.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Jobs } from "./jobs.ts";
import type { Lanes } from "./lanes.ts";
import type { Learning } from "./learning.ts";
import type { Life } from "./life.ts";
import type { Log } from "./log.ts";
import type { Models } from "./models.ts";
import type { Requests } from "./requests.ts";
import type { Runs } from "./runs.ts";
import type { Scratch } from "./scratch.ts";
import type { Store } from "./store.ts";
import type { Workers } from "./workers.ts";

export type SessionState = "ready" | "draining";
export type ShutdownMode = "drain" | "checkpoint" | "now";

export interface Session {
  readonly settings: Settings;
  readonly version: string;
  readonly log: Log;
  readonly scratch: Scratch;
  readonly connection: Connection;
  readonly life: Life;
  readonly requests: Requests;
  readonly lanes: Lanes;
  /** Models, data and jobs that were asked for and are not there yet, by the ids that they will have. */
  readonly arrivals: Arrivals;
  readonly idempotency: Idempotency;
  /** There as soon as any method but the lightest is called. */
  readonly learning: Learning;
  readonly models: Models;
  readonly datasets: Datasets;
  readonly jobs: Jobs;
  readonly workers: Workers;
  /** Policies in the making. */
  readonly runs: Runs;
  /** Null without a data directory. */
  readonly store: Store | null;
  /** Event types that the client does not want. */
  readonly optedOut: Set<string>;
  state: SessionState;
  shutdown(mode: ShutdownMode): Promise<void>;
}

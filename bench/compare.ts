/**
 * @file Step cases in turn: ours on this Node, ours on the Node whose V8 makes vectors of 256 bits where this one does not
 * (decision 20), and the peers. A peer, or that Node, that can't be had is left out with a word.
 */
import type { StepCase } from "./cases.ts";
import { type Contender, type ContenderCommand, startContender } from "./contender.ts";
import { NEWER_NODE, newerNode, PEERS, type Peer } from "./peers.ts";
import type { StepFigure } from "./report.ts";
import { ratioTo, timeSteps } from "./steps.ts";

export interface Compared {
  readonly steps: readonly StepFigure[];
  /** What they call themselves. */
  readonly contenders: readonly string[];
  readonly leftOut: readonly string[];
}

/** Ours, or a peer's, under way. */
interface Entrant {
  /** null: ours. */
  readonly peer: Peer | null;
  /** Node's version where it is ours. */
  readonly node: string;
  readonly contender: Contender;
}

/** @param peak GFLOP/s of 128-bit arithmetic on one core; null where it isn't known */
export async function compareSteps(cases: readonly StepCase[], peak: number | null): Promise<Compared> {
  if (cases.length === 0) return { steps: [], contenders: [], leftOut: [] };
  const leftOut: string[] = [];
  const attempt = async <Result>(what: string, act: () => Promise<Result>): Promise<Result | null> => {
    try {
      return await act();
    } catch (error) {
      leftOut.push(`${what}: ${firstLine(error)}`);
      return null;
    }
  };
  const keys = new Set(cases.flatMap((each) => each.peers));
  const peers: Peer[] = [];
  for (const peer of PEERS.filter(({ key }) => keys.has(key))) {
    const isReady = await attempt(`${peer.label} cannot be installed`, () => peer.prepare().then(() => true));
    if (isReady) peers.push(peer);
  }
  const newer = await attempt(`Node ${NEWER_NODE} cannot be installed`, newerNode);
  const steps: StepFigure[] = [];
  const contenders = new Set<string>();
  for (const threads of new Set(cases.flatMap((each) => each.threads))) {
    const entrants: Entrant[] = [];
    const enter = async (label: string, command: ContenderCommand, peer: Peer | null, node: string) => {
      const contender = await attempt(`${label} does not start`, () => startContender(command));
      if (contender === null) return;
      contenders.add(contender.name);
      entrants.push({ peer, node, contender });
    };
    const ours = (command: string) => ({ command, args: ["--import", "tsx", "bench/ours.ts", String(threads)] });
    await enter("ml-sidecar", ours(process.execPath), null, process.version);
    if (newer !== null) await enter(`ml-sidecar on Node ${NEWER_NODE}`, ours(newer), null, `v${NEWER_NODE}`);
    for (const peer of peers) await enter(peer.label, peer.command(Math.min(threads, peer.maxThreads)), peer, "");
    for (const each of cases.filter((each) => each.threads.includes(threads))) {
      console.error(`${each.name}, ${threads} thread${threads === 1 ? "" : "s"} …`);
      const having = entrants.filter(({ peer }) => peer === null || each.peers.includes(peer.key));
      steps.push(...(await figuresOf(each, threads, having, peak)));
    }
    for (const { contender } of entrants) contender.close();
  }
  const order = cases.map(({ name }) => name);
  return {
    steps: steps.toSorted((a, b) => order.indexOf(a.case) - order.indexOf(b.case) || a.node.localeCompare(b.node)),
    contenders: [...contenders],
    leftOut,
  };
}

/** A figure for each of ours, beside all peers. */
async function figuresOf(
  each: StepCase,
  threads: number,
  entrants: readonly Entrant[],
  peak: number | null,
): Promise<StepFigure[]> {
  const times = await timeSteps(
    each.name,
    entrants.map(({ contender }) => contender),
  );
  return entrants.flatMap(({ peer, node }, own) => {
    if (peer !== null) return [];
    const { milliseconds, flops } = times[own]!;
    const gflops = flops === null ? null : flops / milliseconds / 1e6;
    const beside = entrants.flatMap(({ peer, contender }, index) => {
      if (peer === null) return [];
      const ratio = ratioTo(times[own]!, times[index]!);
      return [
        [contender.name, { milliseconds: times[index]!.milliseconds, ratio, goal: each.goals[peer.key] ?? null }],
      ] as const;
    });
    return [
      {
        case: each.name,
        what: each.what,
        threads,
        node,
        milliseconds,
        gflops,
        shareOfPeak: gflops === null || peak === null ? null : gflops / peak / threads,
        gflopsGoal: threads === 1 ? (each.rate ?? null) : null,
        peers: Object.fromEntries(beside),
      },
    ];
  });
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}

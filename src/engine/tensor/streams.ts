/** @file Where the stream numbers of a trace's random draws come from: each draw has its own. */
import type { Graph } from "../graph.ts";

const streams = new WeakMap<Graph, { next: number }>();

export function streamsOf(graph: Graph): { next: number } {
  const counter = streams.get(graph) ?? { next: 0 };
  streams.set(graph, counter);
  return counter;
}

/** A body's draws are counted with those of the graph around it. */
export function shareStreams(from: Graph, body: Graph): void {
  streams.set(body, streamsOf(from));
}

/** @file The two pipes: lines in, to whoever answers them; responses and events out, within the limits of the session. */
import { type Batch, type Message, parseMessage } from "../protocol/envelope.ts";
import { createLineReader, DEFAULT_MAX_OUTPUT_LINE_BYTES } from "../protocol/framing.ts";
import { createOutbox } from "./outbox.ts";
import { batchLine, eventLine, fits, type Response, responseLine } from "./responses.ts";
import type { Scratch } from "./scratch.ts";
import type { Sink } from "./stdout.ts";

export interface Connection {
  /** Longest line that goes out, in bytes, newline included. The client may raise it. */
  maxLineBytes: number;
  /** Sends a response, then calls `sent` (at once, where the response fits in a line). */
  respond(response: Response, sent: () => void): void;
  /** The same of a response that is a line already, newline included. */
  respondLine(line: string, sent: () => void): void;
  respondBatch(responses: readonly Response[], sent: () => void): void;
  sendEvent(params: { readonly data: unknown }): void;
  /** Bytes that the host has yet to take. */
  backlog(): number;
  /** Resolves once everything said so far has left the process. */
  flushed(): Promise<void>;
}

export interface Listener {
  /** Takes a line before it is read as a message. @returns false to have it read */
  express(text: string): boolean;
  message(message: Message | Batch): void;
  /** Standard input has ended; everything in it has been delivered. */
  ended(): void;
  broken(error: Error): void;
  drained(): void;
}

export function openConnection(
  input: NodeJS.ReadableStream,
  sink: Sink,
  { maxInputLineBytes, scratch, listener }: { maxInputLineBytes: number; scratch: Scratch; listener: Listener },
): Connection {
  const outbox = createOutbox(sink, () => scratch.path(".out"), listener.broken, listener.drained);
  const reader = createLineReader({ maxLineBytes: maxInputLineBytes });
  const spilling = new Set<Promise<unknown>>();
  /** The last of the events that wait for a file to be written; those after it wait their turn. */
  let events: Promise<string> | null = null;

  function deliver(lines: ReturnType<typeof reader.read>): void {
    for (const line of lines) {
      if (!("text" in line)) listener.message({ kind: "invalid", id: null, refusal: line.refusal });
      else if (!listener.express(line.text)) listener.message(parseMessage(line.text));
    }
  }

  /** Sends what is ready at once, and the rest when it is. */
  function post(line: string | Promise<string>, sent?: () => void): void {
    if (typeof line === "string") {
      outbox.send(line);
      sent?.();
      return;
    }
    const posted = line.then((text) => post(text, sent)).catch(listener.broken);
    spilling.add(posted);
    void posted.then(() => spilling.delete(posted));
  }

  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    deliver(reader.end());
    listener.ended();
  };
  input.on("data", (chunk: Buffer) => deliver(reader.read(chunk)));
  input.on("end", end);
  input.on("close", end);
  input.on("error", end);

  return {
    maxLineBytes: DEFAULT_MAX_OUTPUT_LINE_BYTES,
    respond(response, sent) {
      post(responseLine(response, this.maxLineBytes, scratch), sent);
    },
    respondLine(line, sent) {
      if (fits(line, this.maxLineBytes)) post(line, sent);
      else this.respond(JSON.parse(line) as Response, sent);
    },
    respondBatch(responses, sent) {
      post(batchLine(responses, this.maxLineBytes, scratch), sent);
    },
    sendEvent(params) {
      const line = eventLine(params, this.maxLineBytes, scratch);
      if (events === null && typeof line === "string") {
        outbox.send(line);
        return;
      }
      const turn: Promise<string> = Promise.resolve(events).then(() => line);
      events = turn;
      post(turn, () => {
        if (events === turn) events = null;
      });
    },
    backlog: outbox.backlog,
    async flushed() {
      while (spilling.size > 0) await Promise.all(spilling);
      await new Promise<void>((resolve) => outbox.whenEmpty(resolve));
    },
  };
}

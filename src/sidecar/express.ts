/**
 * @file The quick way for the steps of a host's environments, of which there are thousands a second: a line that looks like one goes to
 * the run's thread as it is, which reads it, steps, and writes the line that answers it. This thread looks no further than to the run's
 * name, keeps count of what is in flight, and stays awake for a moment after an answer: the next step mostly comes at once.
 */
import { availableParallelism } from "node:os";
import { toResponse } from "./dispatch.ts";
import type { Outcome } from "./requests.ts";
import { ANSWERED } from "./runCalls.ts";
import type { Session } from "./session.ts";

/** A step as clients write it, its members in the usual order. One that is written otherwise is answered all the same, only later. */
const STEP =
  /^\{"jsonrpc": ?"2\.0", ?"id": ?(0|[1-9]\d{0,14}|"[\w.:-]{1,100}"), ?"method": ?"rl\.step", ?"params": ?\{"run": ?"(r_\d{1,12})"[,}]/;
const LONGEST_HEAD = 300;
/** Waking a thread costs as much as a step; where there is but one core, a thread that stays awake costs the host more. */
const AWAKE_MILLISECONDS = availableParallelism() > 1 ? 0.3 : 0;

/** Keeps the event loop turning for a moment after the last of several things is done. */
function createWakefulness() {
  let open = 0;
  let until = 0;
  let isAwake = false;
  const stay = (): void => {
    isAwake = open === 0 && performance.now() < until;
    if (isAwake) setImmediate(stay);
  };
  return {
    begin: () => void open++,
    end(): void {
      if (--open > 0) return;
      until = performance.now() + AWAKE_MILLISECONDS;
      if (!isAwake) stay();
    },
  };
}

/** @returns a function that takes a line, or says that it is none for it */
export function createExpress(session: Session, usualWay: (text: string) => void): (text: string) => boolean {
  const wakefulness = createWakefulness();

  function answer(id: number | string, outcome: Outcome, sent: () => void): void {
    if ("result" in outcome) session.connection.respondLine(outcome.result as string, sent);
    else session.connection.respond(toResponse(session, id, "rl.step", outcome), sent);
  }

  return (text) => {
    const head = STEP.exec(text.length > LONGEST_HEAD ? text.slice(0, LONGEST_HEAD) : text);
    if (head === null || session.state === "draining" || text.includes('"_meta"')) return false;
    const id = JSON.parse(head[1]!) as number | string;
    const run = session.runs.find(head[2]!);
    if (run === null || session.models.get(run.model).trainedBy !== null || !session.requests.isFree(id)) return false;
    const asked = run.askLine({ id, text });
    const settled = (outcome: Outcome, sent: () => void): void => {
      if (asked.take()) answer(id, outcome, sent);
      else sent();
    };
    const flight = session.requests.begin(id, settled, asked.isAnswered);
    wakefulness.begin();
    asked.reply
      .then(
        (reply) => {
          if (typeof reply === "string") flight.settle({ result: reply });
          else if (flight.withdraw() && reply !== ANSWERED) usualWay(text);
        },
        (thrown: unknown) => flight.settle({ thrown }),
      )
      .finally(wakefulness.end);
    return true;
  };
}

/**
 * @file The quick way for the steps of a host's environments, of which there are thousands a second: a line that looks like one goes to
 * the run's thread as it is, which reads it, steps, and writes the line that answers it. This thread looks no further than to the run's
 * name, and keeps count of what is in flight.
 */
import { toResponse } from "./dispatch.ts";
import type { Outcome } from "./requests.ts";
import type { Session } from "./session.ts";

/** A step as clients write it, its members in the usual order. One that is written otherwise is answered all the same, only later. */
const STEP =
  /^\{"jsonrpc": ?"2\.0", ?"id": ?(\d{1,15}|"[\w.:-]{1,100}"), ?"method": ?"rl\.step", ?"params": ?\{"run": ?"(r_\d{1,12})"[,}]/;
const LONGEST_HEAD = 300;

/** @returns a function that takes a line, or says that it is none for it */
export function createExpress(session: Session, usualWay: (text: string) => void): (text: string) => boolean {
  function answer(id: number | string, outcome: Outcome, sent: () => void): void {
    const line = "result" in outcome ? outcome.result : null;
    if (typeof line === "string") session.connection.respondLine(line, sent);
    else session.connection.respond(toResponse(session, id, "rl.step", outcome), sent);
  }

  return (text) => {
    // 0x7b is `{`, 0x22 a quote: what other messages begin with is told apart at once.
    if (text.charCodeAt(0) !== 0x7b) return false;
    const head = STEP.exec(text.length > LONGEST_HEAD ? text.slice(0, LONGEST_HEAD) : text);
    if (head === null || session.state === "draining" || text.includes('"_meta"')) return false;
    const id = JSON.parse(head[1]!) as number | string;
    const run = session.runs.find(head[2]!);
    if (run === null || session.models.get(run.model).trainedBy !== null || !session.requests.isFree(id)) return false;
    const flight = session.requests.begin(id, (outcome, sent) => answer(id, outcome, sent));
    run.ask("line", { id, text }).then(
      (line) => {
        if (line !== null) flight.settle({ result: line });
        else if (flight.withdraw()) usualWay(text);
      },
      (thrown: unknown) => flight.settle({ thrown }),
    );
    return true;
  };
}

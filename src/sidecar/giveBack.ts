/** @file Memory that a thread has let go of, given back to the system. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Less is not worth the milliseconds of a collection. */
const ENOUGH_BYTES = 2 ** 23;
/** Models are often deleted one after the other. */
const SOON_MILLISECONDS = 500;

let waiting = 0;

/**
 * V8 looks for what nobody holds when it needs room. A thread that has let go of much and then does little needs none, and would
 * keep it for good: shared memory above all, which weighs nothing in its books. Here it is made to look, once things are quiet.
 */
export function giveBackSoon(bytes: number): void {
  const isComing = waiting >= ENOUGH_BYTES;
  waiting += bytes;
  if (isComing || waiting < ENOUGH_BYTES) return;
  const collect = (): void => {
    waiting = 0;
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
  };
  setTimeout(collect, SOON_MILLISECONDS).unref();
}

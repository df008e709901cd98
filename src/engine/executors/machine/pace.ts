/**
 * @file How many threads a program's runs take. Its cost says how many are worth a try; what they give depends on the machine
 * (how slowly a line that one core has written comes to another) and on what else wants its cores. So now and then runs are
 * timed on as many as that and on fewer, in turn, and the quickest number is kept. The results are the same on any.
 */

export interface Pace {
  /** On how many threads the next run goes. */
  readonly threads: number;
  /** Whether the next run is to be timed. */
  readonly isTrial: boolean;
  /** A run of a trial took so many milliseconds. */
  took(milliseconds: number): void;
  /** A run outside of trials is over. */
  passed(): void;
}

/** Below this much work a thread more costs more than it gives, in nanoseconds on one thread. */
const WORTH_A_THREAD = 100_000;
/** Before the first trial V8 makes the kernels' final code, and helpers come up: so much work, in nanoseconds. */
const BEFORE_TRIALS = 3e8;
/** How often each number of threads has its turn. */
const TURNS = 3;
/** Of a turn, in milliseconds: what doesn't count, since threads and data come to their cores meanwhile, and then what does. */
const SETTLING = 10;
const COUNTED = 10;
/** How much quicker more threads must be to be worth their cores. */
const GAIN = 1.05;
/** A number of threads that takes so many times as long as the best one gets no further turn. */
const HOPELESS = 1.5;
/** What a trial has found is kept for so many times as long as the trial took: at first, and in the end. */
const KEPT = 16;
const KEPT_AT_MOST = 256;

/** What a trial knows of one number of threads. */
interface Candidate {
  readonly threads: number;
  /** Milliseconds that a run took in each turn. */
  readonly turns: number[];
}

const scoreOf = ({ turns }: Candidate) => turns.toSorted((a, b) => a - b)[turns.length >> 1]!;

/** All that are worth a try, and by halves down to one. */
function numbersUpTo(most: number, cores: number): number[] {
  const numbers = new Set([most, Math.min(most, cores)]);
  for (let half = most >> 1; half >= 1; half >>= 1) numbers.add(half);
  return [...numbers].sort((a, b) => b - a);
}

/**
 * @param nanoseconds of work on one thread
 * @param most threads that there are
 * @param cores how many of them run at once
 */
export function createPace(nanoseconds: number, most: number, cores: number): Pace {
  let threads = Math.max(1, Math.min(most, Math.floor(nanoseconds / WORTH_A_THREAD)));
  const numbers = numbersUpTo(threads, cores);
  let left = numbers.length === 1 ? Number.POSITIVE_INFINITY : Math.max(3, Math.ceil(BEFORE_TRIALS / nanoseconds));
  let kept = KEPT;

  let candidates: Candidate[] = [];
  let turn = 0;
  let at = 0;
  let settling = 0;
  let counted = 0;
  let runs = 0;
  let total = 0;

  function begin(): void {
    candidates = numbers.map((number) => ({ threads: number, turns: [] }));
    [turn, at, settling, counted, runs, total] = [0, 0, 0, 0, 0, 0];
    threads = candidates[0]!.threads;
  }

  function conclude(): void {
    const best = Math.min(...candidates.map(scoreOf));
    const chosen = candidates.findLast((candidate) => scoreOf(candidate) <= GAIN * best)!;
    threads = chosen.threads;
    left = Math.ceil((kept * total) / scoreOf(chosen));
    kept = Math.min(KEPT_AT_MOST, 2 * kept);
  }

  /** To the next candidate; after the last, those that have a chance have another turn. */
  function proceed(): void {
    candidates[at]!.turns.push(counted / runs);
    [settling, counted, runs] = [0, 0, 0];
    if (++at === candidates.length) {
      const best = Math.min(...candidates.map(scoreOf));
      candidates = candidates.filter((candidate) => scoreOf(candidate) <= HOPELESS * best);
      [at, turn] = [0, turn + 1];
    }
    if (turn === TURNS || candidates.length === 1) conclude();
    else threads = candidates[at]!.threads;
  }

  return {
    get threads() {
      return threads;
    },
    get isTrial() {
      return left === 0;
    },
    took(milliseconds) {
      total += milliseconds;
      if (settling < SETTLING) {
        settling += milliseconds;
        return;
      }
      counted += milliseconds;
      runs++;
      if (counted >= COUNTED) proceed();
    },
    passed() {
      if (--left === 0) begin();
    },
  };
}

/** @file A process that runs the cases: it is given lines with a case and a number of steps, and answers with a step's time. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Timed {
  readonly milliseconds: number;
  readonly flops?: number;
}

export interface Contender {
  /** What it calls itself, version included. */
  readonly name: string;
  /** Mean milliseconds of a step over so many steps, and its floating-point operations where it says. */
  time(caseName: string, steps: number): Promise<Timed>;
  close(): void;
}

export interface ContenderCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export async function startContender({ command, args }: ContenderCommand): Promise<Contender> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line) > 20 && errors.shift());
  const answers = answersOf(child, errors);
  const { name } = (await answers()) as { name: string };
  return {
    name,
    async time(caseName, steps) {
      child.stdin.write(`${JSON.stringify({ case: caseName, steps })}\n`);
      return (await answers()) as Timed;
    },
    close: () => child.kill(),
  };
}

/** The next answer, each time it is called. Rejects with the child's last words once it is gone. */
function answersOf(child: ChildProcess, errors: readonly string[]): () => Promise<unknown> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(lastWords(errors));
    return JSON.parse(value);
  };
}

/** The line that names the error, past what a runtime adds around it. */
function lastWords(errors: readonly string[]): string {
  return errors.findLast((line) => /Error\b/.test(line)) ?? errors.at(-1) ?? "it ended without a word";
}

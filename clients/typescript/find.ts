/** @file Finding the sidecar: the argument, the environment, the package that this client is part of. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SidecarGoneError } from "./errors.ts";

/** A program and its arguments. */
export type Command = readonly [program: string, ...rest: string[]];

const ENVIRONMENT_VARIABLE = "ML_SIDECAR";

/** Beside the bundled client, and where the build puts it as seen from the sources. */
const OWN_PLACES = ["./main.js", "../../dist/main.js"];

/** A script is run with this Node; anything else is a program. */
const commandOf = (path: string): Command => (/\.[cm]?js$/.test(path) ? [process.execPath, path] : [path]);

/**
 * @param command a path, or a program with its arguments.
 * @throws SidecarGoneError that says how to get it.
 */
export function findSidecar(command?: string | Command): Command {
  if (typeof command === "string") return commandOf(command);
  if (command !== undefined) return command;
  const fromEnvironment = process.env[ENVIRONMENT_VARIABLE];
  if (fromEnvironment !== undefined && fromEnvironment !== "") {
    if (existsSync(fromEnvironment)) return commandOf(fromEnvironment);
    const [program, ...rest] = fromEnvironment.split(/\s+/).filter(Boolean);
    return [program!, ...rest];
  }
  for (const place of OWN_PLACES) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(path)) return commandOf(path);
  }
  throw new SidecarGoneError(
    `ml-sidecar was not found. Run \`npm ci\` in a clone of it, or say where it is: startSidecar({ command: "…/dist/main.js" }), or ${ENVIRONMENT_VARIABLE}=…/dist/main.js`,
  );
}

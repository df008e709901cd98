#!/usr/bin/env node
/** @file The program: reads the command line and does what it says. Everything that not every command needs is loaded when it is needed. */
import { readFileSync } from "node:fs";
import { parseCommandLine, UsageError, usage } from "./commandline.ts";
import { EXIT_CODES } from "./life.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

try {
  const { command, subject, settings } = parseCommandLine(process.argv.slice(2));
  if (command === "help") process.stdout.write(usage());
  else if (command === "version") process.stdout.write(`${version}\n`);
  else if (command === "schema") {
    const { createOpenRpcDocument } = await import("../protocol/openrpc.ts");
    process.stdout.write(`${JSON.stringify(createOpenRpcDocument(version), null, 2)}\n`);
  } else if (command === "doctor") {
    const { examine } = await import("./doctor.ts");
    process.stdout.write(examine(settings, version));
  } else if (command === "profile") {
    const { profile } = await import("./profile.ts");
    process.stdout.write(profile(subject, settings));
  } else {
    const { serve } = await import("./serve.ts");
    serve(settings, version, new URL("./worker.js", import.meta.url));
  }
} catch (error) {
  process.stderr.write(`ml-sidecar: ${(error as Error).message}\n`);
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  const { reason } = error as { reason?: string };
  return reason === "DATA_DIRECTORY_LOCKED" ? EXIT_CODES["data directory locked"] : EXIT_CODES.internal;
}

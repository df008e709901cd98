/** @file What made a model, for its provenance. */
import about from "../../package.json" with { type: "json" };

export const VERSIONS: Readonly<Record<string, string>> = { "ml-sidecar": about.version, node: process.versions.node };

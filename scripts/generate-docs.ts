/** @file Writes the generated documents: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { documents } from "./documents/index.ts";

for (const [path, text] of Object.entries(documents())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(`wrote ${path}`);
}

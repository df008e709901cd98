/** @file What `npm run results` can do, by name; a new one is added to the file of its kind, a new kind here. */
import { IMAGES } from "./images.ts";
import { TABLES } from "./tables.ts";
import type { Task } from "./task.ts";

export const TASKS: Readonly<Record<string, Task>> = { ...IMAGES, ...TABLES };

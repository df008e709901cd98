/** @file The thread that makes batches ahead of the step: see `ahead.ts`. Its bundle holds augmentations and little else. */
import { workerData } from "node:worker_threads";
import { AUGMENTATIONS } from "../augmentations/index.ts";
import { type AheadData, makeAhead } from "./ahead.ts";

makeAhead(workerData as AheadData, new Map(AUGMENTATIONS.map((augmentation) => [augmentation.type, augmentation])));

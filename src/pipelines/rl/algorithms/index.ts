/** @file All algorithms, in the catalog's order. */
import type { Algorithm } from "../algorithm.ts";
import { ppo } from "./ppo.ts";

export const ALGORITHMS: readonly Algorithm[] = [ppo];

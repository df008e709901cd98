/** @file All algorithms, in the catalog's order. */
import type { Algorithm } from "../algorithm.ts";
import { a2c } from "./a2c.ts";
import { dqn } from "./dqn.ts";
import { ppo } from "./ppo.ts";
import { sac } from "./sac.ts";
import { td3 } from "./td3.ts";

export const ALGORITHMS: readonly Algorithm[] = [ppo, a2c, dqn, sac, td3];

/** @file All environments, in the catalog's order. */
import type { Environment } from "../environment.ts";
import { acrobotV1 } from "./acrobot.ts";
import { blackjackV1 } from "./blackjack.ts";
import { cartPoleNoVelocity, cartPoleV1 } from "./cartpole.ts";
import { cliffWalkingSlipperyV1, cliffWalkingV1 } from "./cliffWalking.ts";
import { connect4 } from "./connect4.ts";
import { frozenLake8x8V1, frozenLakeV1 } from "./frozenLake.ts";
import { gridWorldV0 } from "./gridWorld.ts";
import { mountainCarV0 } from "./mountainCar.ts";
import { mountainCarContinuousV0 } from "./mountainCarContinuous.ts";
import { pendulumNoVelocity, pendulumV1 } from "./pendulum.ts";
import { taxiV4 } from "./taxi.ts";
import { ticTacToe } from "./ticTacToe.ts";

export const ENVIRONMENTS: readonly Environment[] = [
  cartPoleV1,
  acrobotV1,
  mountainCarV0,
  mountainCarContinuousV0,
  pendulumV1,
  frozenLakeV1,
  frozenLake8x8V1,
  cliffWalkingV1,
  cliffWalkingSlipperyV1,
  taxiV4,
  blackjackV1,
  cartPoleNoVelocity,
  pendulumNoVelocity,
  gridWorldV0,
  ticTacToe,
  connect4,
];

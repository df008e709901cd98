/** @file All backbones, in the catalog's order. */
import type { Backbone } from "../registry/define.ts";
import { cnn } from "./cnn.ts";
import { efficientnet } from "./efficientnet.ts";
import { embedding } from "./embedding.ts";
import { mlp } from "./mlp.ts";
import { mobilenet } from "./mobilenet.ts";
import { multimodal } from "./multimodal.ts";
import { onnx } from "./onnx.ts";
import { gru, lstm, rnn } from "./recurrent.ts";
import { resnet } from "./resnet.ts";
import { tcn } from "./tcn.ts";
import { transformer } from "./transformer.ts";
import { vit } from "./vit.ts";

export const BACKBONES: readonly Backbone[] = [
  mlp,
  cnn,
  resnet,
  mobilenet,
  efficientnet,
  vit,
  rnn,
  lstm,
  gru,
  tcn,
  transformer,
  embedding,
  multimodal,
  onnx,
];

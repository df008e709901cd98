/** @file All augmentations of our own, for the registry. */
import type { Augmentation } from "../registry/define.ts";
import { colorJitter } from "./colour.ts";
import { randomCrop, randomResizedCrop } from "./crop.ts";
import { randomErasing } from "./erase.ts";
import { randomHorizontalFlip, randomVerticalFlip } from "./flip.ts";
import { cutMix, mixUp } from "./mix.ts";
import { gaussianNoise } from "./noise.ts";
import { randomAffine, randomRotation } from "./rotate.ts";
import { sequenceCrop, sequenceJitter, sequenceMask, sequenceScale } from "./sequence.ts";

export const AUGMENTATIONS: readonly Augmentation[] = [
  randomCrop,
  randomResizedCrop,
  randomHorizontalFlip,
  randomVerticalFlip,
  randomRotation,
  randomAffine,
  colorJitter,
  randomErasing,
  gaussianNoise,
  sequenceCrop,
  sequenceScale,
  sequenceJitter,
  sequenceMask,
  mixUp,
  cutMix,
];

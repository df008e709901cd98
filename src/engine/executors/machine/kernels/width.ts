/**
 * @file Whether V8 makes one vector of 256 bits of two of 128 that are treated alike. `scripts/build-kernels.mjs` answers true
 * for the module that is loaded where it does; inner loops then hold twice the sums, which would not fit in registers of 128 bits.
 */

export const PAIRS: bool = false;

/**
 * @file What the host and the kernels agree on, in one file that both compile: instruction codes, the words of an
 * instruction's head, and the fixed places in memory. Plain numbers only, since AssemblyScript reads it too.
 */

// Instructions: head, then operands. Every kernel gets a range [from, to) of `units`.
export const HEAD_OPCODE = 0;
/** Bits, see below. */
export const HEAD_FLAGS = 4;
/** Length of the whole instruction. */
export const HEAD_BYTES = 8;
/** How many units of work there are, and how many of them are worth a thread. */
export const HEAD_UNITS = 12;
export const HEAD_GRAIN = 16;
export const HEAD_LENGTH = 20;

/** The interrupt word is looked at before this instruction. */
export const FLAG_POLL = 1;
/** Helpers that have gone to sleep are woken for this instruction. */
export const FLAG_WAKE = 2;

export const END = 0;
export const POINTWISE = 1;
export const PRODUCT = 2;
export const THIN_PRODUCT = 3;
export const REDUCE_ROWS = 4;
export const REDUCE_COLUMNS = 5;
export const COPY_STRIDED = 6;
export const FILL = 7;
export const GATHER = 8;
export const ONE_HOT = 9;
export const EXTREME_POSITION = 10;
export const COPY = 11;
export const SCATTER_ADD = 12;
export const REDUCE_INTEGERS = 13;
export const CONVOLVE = 14;
export const CONVOLVE_WEIGHTS = 15;
export const MAX_POOL = 16;
export const SCATTER_ALONG = 17;
export const WINOGRAD = 18;
export const WINOGRAD_WEIGHTS = 19;
export const WINOGRAD_SUMS = 20;
export const WINOGRAD_GRADIENT = 21;
export const MAX_POOL_GRADIENT = 22;
export const MOMENTS = 23;
export const WINOGRAD2 = 24;
export const WINOGRAD2_WEIGHTS = 25;
export const CHANNEL_PRODUCTS = 26;
export const PACK_TAPS = 27;
export const PLANES = 28;

export const CONVERT = 40;
export const ATTENTION = 41;
export const ATTENTION_GRADIENTS = 42;
export const LSTM = 45;
export const LSTM_GRADIENTS = 46;
export const LAYER_NORM = 43;
export const LAYER_NORM_GRADIENTS = 44;

/** Run by whoever walks the program: see `loop.ts`. */
export const LOOP = 100;
export const REPEAT = 101;

/** Elements in one unit of a fill or a copy, and columns in one of a reduction that keeps the last axis. */
export const CHUNK = 1024;
export const COLUMN_CHUNK = 16;

// Kinds of reduction.
export const SUM = 0;
export const MAX = 1;
export const MIN = 2;
export const PRODUCT_OF = 3;

// Kinds of conversion.
export const FROM_F16 = 0;
export const FROM_BF16 = 1;
export const FROM_F64 = 2;
export const TO_F16 = 3;
export const TO_BF16 = 4;
export const TO_F64 = 5;

// How a product shares its work: by panels of 8 columns, quads of rows, whole matrices of the batch, or stretches of its depth.
export const SPLIT_COLUMNS = 0;
export const SPLIT_ROWS = 1;
export const SPLIT_BATCH = 2;
export const SPLIT_DEPTH = 3;

// What a product does to its result before it is done: adds a row to each row, adds or multiplies element by element, cuts at 0.
export const FINISH_ADD_ROW = 0;
export const FINISH_ADD = 1;
export const FINISH_MULTIPLY = 2;
export const FINISH_RELU = 3;

/** Rows of the batch in a unit of an LSTM. */
export const LSTM_ROWS = 8;

/** Queries, and keys, that attention leaves out together or not at all. */
export const ATTENTION_GROUP = 8;

/** Rows whose gradients layer norm sums in one go. */
export const LAYER_ROWS = 16;

/** Elements that a pointwise instruction handles at a time, and the bytes of one of its registers. */
export const STRIP = 256;
export const REGISTER_BYTES = 1088;

// Blocking of products: depth and width of a packed block of the right operand, rows of one of the left.
export const BLOCK_DEPTH = 400;
export const BLOCK_COLUMNS = 256;
export const BLOCK_ROWS = 128;

/** Scratch memory of one thread: strips and packed blocks, never both at once. */
export const SCRATCH_BYTES = 655360;

// Words by which threads meet; those that change often on cache lines of their own.
export const CONTROL_TICKET = 64;
export const CONTROL_INSTRUCTION = 128;
export const CONTROL_CHUNK_UNITS = 192;
export const CONTROL_THREADS = 256;
export const CONTROL_DONE = 320;
export const CONTROL_WAITING = 384;
/** Which helpers sleep: bit t of 64 is thread t's. */
export const CONTROL_SLEEPERS = 512;
export const CONTROL_READY = 576;
export const CONTROL_QUIT = 640;
export const CONTROL_SCRATCH = 704;
/** 1 when a helper has died, which may have held a chunk. */
export const CONTROL_CRASHED = 768;
/** How many seconds in which no chunk is done a run waits before it takes a helper for dead. */
export const CONTROL_PATIENCE = 832;
/** How many times as long as they would on crowded cores threads look before they sleep. */
export const CONTROL_SPINS = 896;
/** How many threads can run at once. */
export const CONTROL_CORES = 960;
/** The word on which thread 0 would sleep, and after it those of all others. */
export const CONTROL_WAKE = 1024;
export const MOST_THREADS = 64;
/** Where the kernels' own constants begin; everything from MEMORY_BASE + 64 KiB is the host's to give out. */
export const MEMORY_BASE = 4096;
/** In that room, of the normal distribution: four coefficients for each of `NORMAL_STEPS` steps a unit from −end to end. */
export const NORMAL_TABLE = 53248;
export const NORMAL_STEPS = 64;
export const NORMAL_END = 6;

// Pointwise operations: [code, destination, a, b, c, d, e, f], operands as in `pointwise.ts`.
export const P_COPY = 0;
export const P_ADD = 1;
export const P_SUB = 2;
export const P_MUL = 3;
export const P_DIV = 4;
export const P_MAXIMUM = 5;
export const P_MINIMUM = 6;
export const P_NEG = 7;
export const P_ABS = 8;
export const P_SQUARE = 9;
export const P_SQRT = 10;
export const P_RSQRT = 11;
export const P_RECIPROCAL = 12;
export const P_SIGN = 13;
export const P_FLOOR = 14;
export const P_CEIL = 15;
export const P_ROUND = 16;
export const P_RELU = 17;
export const P_EXP = 18;
export const P_EXPM1 = 19;
export const P_LOG = 20;
export const P_LOG1P = 21;
export const P_SIN = 22;
export const P_COS = 23;
export const P_TANH = 24;
export const P_SIGMOID = 25;
export const P_ERF = 26;
export const P_POW = 27;
export const P_EQUAL = 28;
export const P_NOT_EQUAL = 29;
export const P_LESS = 30;
export const P_LESS_EQUAL = 31;
export const P_IS_NAN = 32;
export const P_WHERE = 33;
/** a × b + c, rounded once where the hardware can. */
export const P_FMA = 34;
/** c − a × b. */
export const P_FNMA = 35;
/** a + (b − a) × c: a step from a toward b. */
export const P_TOWARD = 36;
/** a² × b + c × d: a running mean of squares. */
export const P_MEAN_SQUARE = 37;
/** a / (√b × c + d). */
export const P_OVER_ROOT = 38;
/** a − b × (c / (√d × e + f)): the step of an optimizer that divides by a root. */
export const P_ROOT_STEP = 39;
/** (a + b) − b: what is too small beside b becomes zero. */
export const P_FADE = 84;
/**
 * [destination, a, means, scales, shifts, inner, middle]: (a − mean) × scale + shift, of which the last three are addresses that
 * are walked as P_BROADCAST does; `inner` is a multiple of 4. The second, and nothing below 0.
 */
export const P_NORMALISE = 86;
export const P_NORMALISE_RELU = 87;
/** P_TOWARD, P_MEAN_SQUARE, each faded, and P_ROOT_STEP in one, see `adaptiveStep`; takes two places in the list. */
export const P_ADAPTIVE_STEP = 85;

export const P_I_ADD = 40;
export const P_I_SUB = 41;
export const P_I_MUL = 42;
export const P_I_DIV = 43;
export const P_I_MAXIMUM = 44;
export const P_I_MINIMUM = 45;
export const P_I_NEG = 46;
export const P_I_ABS = 47;
export const P_I_SIGN = 48;
export const P_I_EQUAL = 49;
export const P_I_NOT_EQUAL = 50;
export const P_I_LESS = 51;
export const P_I_LESS_EQUAL = 52;
export const P_I_AND = 53;
export const P_I_OR = 54;
export const P_I_NOT = 55;

export const P_INT_TO_FLOAT = 60;
export const P_FLOAT_TO_INT = 61;
export const P_FLOAT_TO_BOOL = 62;
export const P_INT_TO_BOOL = 63;

/** x · Φ(x), Φ the normal distribution; its slope Φ(x) + x · φ(x); and both: [code, destination, x, the slope's destination]. */
export const P_GELU = 64;
export const P_GELU_SLOPE = 65;
export const P_GELU_BOTH = 66;

// Sources: [code, destination, …] without vector operands.
/** [destination, bits] */
export const P_CONSTANT = 70;
/** [destination, address, inner, middle]: element i is the source's (i / inner) mod middle. */
export const P_BROADCAST = 71;
/** [destination, address of rng, stream]: uniform numbers in [0, 1). */
export const P_UNIFORM = 72;
/** [destination]: the element's own index, as an integer. */
export const P_INDEX = 73;

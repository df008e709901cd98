/** @file One shared memory per executor, and who has which part of it. */
import { aligned } from "../../plan/arena.ts";
import { refuseIfTooLarge } from "../../plan/forecast.ts";
import { MEMORY_BASE } from "./kernels/layout.ts";

const PAGE = 65536;
/** What 32-bit addresses reach, less a page so that a vector past the last element stays inside. */
const MOST = 65535 * PAGE;
/** Kernels may read, never write, this far past a buffer's end. */
const GUARD = 4096;

export interface Memory {
  readonly shared: WebAssembly.Memory;
  /** Bytes handed out. */
  readonly taken: number;
  readonly limit: number;
  /** An aligned address. Its contents are whatever was there before. `what` names the demand in a refusal. */
  allocate(bytes: number, what: string): number;
  free(address: number): void;
  floats(address: number, length: number): Float32Array;
  integers(address: number, length: number): Int32Array;
}

interface Gap {
  start: number;
  end: number;
}

/** @param limitBytes refuse to hand out more than this, or than 32-bit addresses reach */
export function createMemory(limitBytes: number = MOST): Memory {
  const limit = Math.min(limitBytes, MOST);
  const shared = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  const first = MEMORY_BASE + PAGE;
  /** Sorted; the last gap is open towards memory that has yet to grow. */
  const gaps: Gap[] = [{ start: first, end: MOST }];
  const sizes = new Map<number, number>();
  let taken = 0;

  function growTo(end: number): void {
    const missing = Math.ceil((end + GUARD) / PAGE) - shared.buffer.byteLength / PAGE;
    if (missing > 0) shared.grow(missing);
  }

  return {
    shared,
    limit,
    get taken() {
      return taken;
    },
    allocate(bytes, what) {
      const size = aligned(bytes);
      refuseIfTooLarge(what, { needed: size, taken, limit });
      const index = gaps.findIndex(({ start, end }) => end - start >= size);
      const gap = gaps[index];
      if (gap === undefined) refuseIfTooLarge(what, { needed: size, taken: limit, limit });
      const address = gap!.start;
      try {
        growTo(address + size);
      } catch {
        // The system has less memory than the limit allows.
        refuseIfTooLarge(what, { needed: size, taken, limit: shared.buffer.byteLength });
      }
      gap!.start += size;
      if (gap!.start === gap!.end) gaps.splice(index, 1);
      sizes.set(address, size);
      taken += size;
      return address;
    },
    free(address) {
      const size = sizes.get(address);
      if (size === undefined) return;
      sizes.delete(address);
      taken -= size;
      const next = gaps.findIndex(({ start }) => start > address);
      const index = next === -1 ? gaps.length : next;
      gaps.splice(index, 0, { start: address, end: address + size });
      for (const at of [index, index - 1]) {
        const [gap, after] = [gaps[at], gaps[at + 1]];
        if (gap === undefined || after === undefined || gap.end !== after.start) continue;
        gap.end = after.end;
        gaps.splice(at + 1, 1);
      }
    },
    floats: (address, length) => new Float32Array(shared.buffer, address, length),
    integers: (address, length) => new Int32Array(shared.buffer, address, length),
  };
}

/** A plugin whose backbones end or block the thread that builds them, each in its own way. */
import { defineBackbone, definePlugin, z } from "ml-sidecar/plugin";

let trapsNextRun = false;

/** From now on, machines whose next program begins, when asked, with an instruction that there is none of. */
function armMachines() {
  const { Instance } = WebAssembly;
  WebAssembly.Instance = class {
    constructor(module, imports) {
      const { exports } = new Instance(module, imports);
      const run = (program, threads) => {
        if (trapsNextRun) new Int32Array(imports.env.memory.buffer, program, 1)[0] = 99;
        trapsNextRun = false;
        return exports.run(program, threads);
      };
      this.exports = { ...exports, run };
    }
  };
}
armMachines();

const WAYS = {
  trap() {
    trapsNextRun = true;
  },
  exit: () => process.exit(9),
  memory() {
    const kept = [];
    for (;;) kept.push(new Array(1e6).fill(kept.length + 0.5));
  },
  async rejection() {
    throw new Error("rejected on purpose");
  },
  later: () =>
    setImmediate(() => {
      throw new Error("thrown later, on purpose");
    }),
  forever() {
    for (;;);
  },
  throw() {
    throw new TypeError("thrown on purpose");
  },
};

const backbones = Object.entries(WAYS).map(([type, end]) =>
  defineBackbone({
    type,
    description: "Ends or blocks its thread",
    options: z.object({}),
    build(_scope, x) {
      end();
      return x;
    },
  }),
);

export default definePlugin({ name: "crash", version: "1.0.0", backbones });

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RekindleError } from "../../src/errors.ts";
import { type Gpu, openGpu } from "../../src/gpu/index.ts";
import { driverNeeds, useDriver } from "./driver.ts";

/** What Mesa's compiler made of a shader for gfx1010. */
export interface Compiled {
  /** Lanes that run together: 32 or 64. */
  readonly wave: number;
  /** Vector registers of a lane, of 256. */
  readonly registers: number;
  /** Registers kept in memory for lack of room, of both kinds; bytes of such memory. */
  readonly spills: number;
  readonly scratchBytes: number;
  /** Workgroup memory in bytes. */
  readonly sharedBytes: number;
  readonly codeBytes: number;
  /** Waves of `wave` lanes that a SIMD can hold at a time, as registers and memory allow. */
  readonly wavesPerSimd: number;
  /** The disassembly. */
  readonly assembly: string;
}

/** The compiler for a card that is not there. */
export interface Navi10 {
  readonly gpu: Gpu;
  /** Compiles the entry point `main` of a WGSL text; each text once. */
  compile(wgsl: string, label: string): Promise<Compiled>;
  /** Closes the device, and removes the folder of reports. */
  close(): void;
}

/**
 * Opens Mesa's RADV as if an RX 5600 XT were in the machine: it compiles, but never computes. One
 * per process, and not beside other GPUs.
 *
 * Throws "device-missing" where gcc, the Vulkan headers or Mesa are missing.
 */
export async function openNavi10(root: string): Promise<Navi10> {
  const folder = useDriver(root);
  const gpu = await openGpu().catch((error) => {
    const what = `the compile-only driver does not open: ${(error as Error).message}`;
    throw new RekindleError("device-missing", what, { fix: driverNeeds, cause: error });
  });
  if (gpu.info.architecture !== "rdna-1") {
    const what = `expected an RDNA1 adapter, found "${gpu.info.name}" (${gpu.info.architecture})`;
    throw new RekindleError("device-missing", what, { fix: driverNeeds });
  }
  const known = new Map<string, Promise<Compiled>>();
  let last: Promise<unknown> = Promise.resolve();
  let reports = 0;
  const compileNow = async (wgsl: string, label: string) => {
    await gpu.pipeline(wgsl, label);
    return readReport(join(folder, `${reports++}`), label);
  };
  return {
    gpu,
    close() {
      gpu.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
    compile(wgsl, label) {
      // One after the other: reports are numbered in the order of compilation.
      const made = known.get(wgsl) ?? last.then(() => compileNow(wgsl, label));
      known.set(wgsl, made);
      last = made.catch(() => {});
      return made;
    },
  };
}

interface Report {
  readonly subgroupSize: number;
  readonly statistics: Readonly<Record<string, number>>;
}

function readReport(stem: string, label: string): Compiled {
  if (!existsSync(`${stem}.json`)) {
    throw new RekindleError("internal", `the driver wrote no report of "${label}"`, {
      fix: "this is a fault of Rekindle: please report it with this message",
    });
  }
  const { subgroupSize, statistics } = JSON.parse(readFileSync(`${stem}.json`, "utf8")) as Report;
  const assembly = readFileSync(`${stem}.isa`, "utf8");
  rmSync(`${stem}.json`);
  rmSync(`${stem}.isa`);
  const of = (name: string) => {
    const value = statistics[name];
    if (value !== undefined) return value;
    throw new RekindleError("device-missing", `this Mesa does not report "${name}"`, {
      fix: "use Mesa 25.0, with which this tool was written",
    });
  };
  return {
    wave: subgroupSize,
    registers: of("VGPRs"),
    spills: of("Spilled VGPRs") + of("Spilled SGPRs"),
    scratchBytes: of("Scratch size"),
    sharedBytes: of("LDS size"),
    codeBytes: of("Code size"),
    // Mesa counts in waves of 32 lanes.
    wavesPerSimd: Math.floor((of("Subgroups per SIMD") * 32) / subgroupSize),
    assembly,
  };
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../test/sources.ts";
import { type Facts, parseFacts } from "../doctor/index.ts";
import { explain } from "./explain.ts";

/** Facts of a recorded machine. */
function machine(name: string): Facts {
  const recorded = readFileSync(join(root, "fixtures", "machines", `${name}.json`), "utf8");
  return parseFacts(JSON.stringify(JSON.parse(recorded).facts), name);
}

const log = (text: string, name = "log") => ({ name, chunks: [Buffer.from(text)] });

async function judge(text: string, facts?: Facts): Promise<string[]> {
  const { findings } = await explain([log(text)], facts);
  return findings.map(({ id, certainty }) => `${id}:${certainty}`);
}

const memoryFault =
  "Memory access fault by GPU node-1 (Agent handle: 0x1f829860) on address 0x7a8a4be00000. " +
  "Reason: Page not present or supervisor privilege.";
const invalidFunction = "RuntimeError: HIP error: invalid device function";
const freezing = "Freezing the executable failed: HSA_STATUS_ERROR_OUT_OF_RESOURCES: The runtime";

describe("the override", () => {
  test("is confirmed where it is set and software shows that it works", async () => {
    const text =
      "$ HSA_OVERRIDE_GFX_VERSION=10.3.0 python train.py\nAMD Radeon RX 5600 XT\n" +
      `MIOpen(HIP): Info [get_device_name] Raw device name: gfx1030\n${memoryFault}`;
    const { findings } = await explain([log(text)]);
    expect(findings[0]).toMatchObject({ id: "override-foreign-code", certainty: "confirmed" });
    expect(findings[0]!.consequences).toContain("memory-fault");
    expect(findings.map(({ id }) => id)).not.toContain("memory-fault");
  });

  test("the same in a post: a profile that is quoted, a database's name", async () => {
    const post =
      "Ubuntu, RX 5600 XT. The guide says that I should set HSA_OVERRIDE_GFX_VERSION to 10.3.0:\n" +
      "    export HSA_OVERRIDE_GFX_VERSION=10.3.0\n" +
      `> Missing system database file: gfx1030_18.kdb Performance may degrade\n> ${memoryFault}`;
    expect(await judge(post)).toEqual([
      "override-foreign-code:confirmed",
      "miopen-database-missing:confirmed",
    ]);
  });

  test("is possible where a fault comes with it and the card is not named", async () => {
    const text = `export HSA_OVERRIDE_GFX_VERSION=10.3.0\n${memoryFault}`;
    expect(await judge(text)).toContain("override-foreign-code:possible");
    expect(await judge("export HSA_OVERRIDE_GFX_VERSION=10.3.0\nall is well")).toEqual([]);
  });

  test("is not blamed on cards of the generation that it names", async () => {
    const text = `export HSA_OVERRIDE_GFX_VERSION=10.3.0\nAMD Radeon RX 6600 XT\n${memoryFault}`;
    expect(await judge(text)).toEqual(["memory-fault:possible"]);
    const equal = `export HSA_OVERRIDE_GFX_VERSION=10.1.0\nRadeon RX 5500 XT\n${memoryFault}`;
    expect(await judge(equal)).toEqual(["memory-fault:possible"]);
  });

  test("two values, or one that is taken back, are in dispute", async () => {
    const card = "AMD Radeon RX 5700 XT";
    const two = `HSA_OVERRIDE_GFX_VERSION=10.3.0\nHSA_OVERRIDE_GFX_VERSION=10.1.0\n${card}`;
    expect(await judge(`${two}\n${memoryFault}`)).toContain("override-foreign-code:possible");
    const back = `HSA_OVERRIDE_GFX_VERSION=10.3.0\nwithout HSA_OVERRIDE_GFX_VERSION too\n${card}`;
    expect(await judge(`${back}\n${memoryFault}`)).toContain("override-foreign-code:possible");
  });

  test.each([
    'os.environ["HSA_OVERRIDE_GFX_VERSION"] = "10.3.0"',
    'Environment="HSA_OVERRIDE_GFX_VERSION=10.3.0"',
    "docker run -e HSA_OVERRIDE_GFX_VERSION=10.3.0 rocm/pytorch",
    "user@host:~$ HSA_OVERRIDE_GFX_VERSION=10.3.0 python main.py",
    "ENV HSA_OVERRIDE_GFX_VERSION=10.3.0",
  ])("is set by: %s", async (line) => {
    const found = await judge(`${line}\nAMD Radeon RX 5700 XT\n${memoryFault}`);
    expect(found[0]).toBe("override-foreign-code:likely");
  });
});

describe("with the facts of the machine", () => {
  test("missing code is confirmed, and a build that has it makes it doubtful", async () => {
    expect(await judge(invalidFunction)).toEqual(["torch-without-code:likely"]);
    expect(await judge(invalidFunction, machine("rx5600xt-stock-wheel"))).toEqual([
      "torch-without-code:confirmed",
    ]);
    expect(await judge(invalidFunction, machine("rx5600xt-amd-wheel"))).toEqual([
      "torch-without-code:possible",
    ]);
  });

  test("a missing extra is confirmed", async () => {
    const text = "CUDA error: device kernel image is invalid\nAMD_SERIALIZE_KERNEL=3";
    expect((await judge(text))[0]).toBe("device-code-not-installed:possible");
    const facts = machine("rx5600xt-amd-wheel-no-extra");
    expect((await judge(text, facts))[0]).toBe("device-code-not-installed:confirmed");
  });

  test("an override of this shell explains a fault that names none", async () => {
    const facts = machine("rx5600xt-stock-override");
    expect(await judge(memoryFault, facts)).toEqual(["override-foreign-code:likely"]);
    expect(await judge("Segmentation fault", facts)).toEqual(["override-foreign-code:possible"]);
    expect(await judge("Call me Ishmael.", facts)).toEqual([]);
    const shown = `${memoryFault}\nRaw device name: gfx1030`;
    expect(await judge(shown, facts)).toEqual(["override-foreign-code:confirmed"]);
  });

  test("the kernel's release decides about queue sizes", async () => {
    expect(await judge(freezing)).toEqual(["kernel-runtime-mismatch:possible"]);
    expect(await judge(freezing, machine("rx5600xt-kernel-6.12"))).toEqual([
      "kernel-runtime-mismatch:likely",
    ]);
    const older = { ...machine("rx5600xt-kernel-6.12"), kernel: { release: "6.8.0-45-generic" } };
    expect(await judge(freezing, older)).toEqual(["out-of-resources:possible"]);
  });

  test("permission: what this user may do counts", async () => {
    const text = "Unable to open /dev/kfd read-write: Operation not permitted";
    expect(await judge(text)).toEqual(["kfd-permission:likely"]);
    expect(await judge(text, machine("rx5600xt-no-permission"))).toEqual([
      "kfd-permission:confirmed",
    ]);
    expect(await judge(text, machine("rx5600xt-stock-wheel"))).toEqual(["kfd-permission:possible"]);
  });

  test("WSL, integrated graphics and a CPU wheel", async () => {
    const text = "RuntimeError: No HIP GPUs are available";
    expect((await judge(text, machine("rx5700xt-wsl2")))[0]).toBe("wsl-without-card:likely");
    expect((await judge(text, machine("rx5600xt-stock-wheel")))[0]).toBe("no-gpu-visible:possible");
    const other = "rocBLAS error: Cannot read x/TensileLibrary.dat: y for GPU arch : gfx90c";
    const laptop = machine("rx5600m-integrated-first");
    expect((await judge(other, laptop))[0]).toBe("integrated-gpu-chosen:confirmed");
    const cpu = "AssertionError: Torch not compiled with CUDA enabled";
    expect(await judge(cpu, machine("rx5600xt-cpu-wheel"))).toEqual(["torch-cpu-build:confirmed"]);
    expect(await judge(cpu, machine("rx5600xt-stock-wheel"))).toEqual(["torch-cpu-build:likely"]);
  });

  test("a log of AMD's software on a machine without AMD's GPUs is said to be one", async () => {
    const contextOn = async (name: string) =>
      (await explain([log(invalidFunction)], machine(name))).context;
    expect((await contextOn("virtual-machine-no-gpu")).noAmdGpu).toBe(true);
    expect((await contextOn("rtx3090-nvidia-only")).noAmdGpu).toBe(true);
    expect((await contextOn("rx5600xt-stock-wheel")).noAmdGpu).toBeUndefined();
    expect((await contextOn("nothing-known")).noAmdGpu).toBeUndefined();
  });

  test("a log about another card leaves the facts aside, and says so", async () => {
    const text = `AMD Radeon RX 7900 XTX\n${invalidFunction}`;
    const facts = machine("rx5600xt-stock-wheel");
    const { findings, context } = await explain([log(text)], facts);
    expect(findings[0]).toMatchObject({ id: "torch-without-code", certainty: "likely" });
    expect(context).toMatchObject({ card: "gfx1100", cardFrom: "text", facts: "other machine" });
    const own = await explain([log(invalidFunction)], facts);
    expect(own.context).toMatchObject({ card: "gfx1010", cardFrom: "machine", facts: "used" });
  });
});

describe("what contradicts itself is not sure", () => {
  const missing =
    "rocBLAS error: Cannot read /lib/TensileLibrary.dat: Illegal seek for GPU arch : ";

  test("a library that is said to be missing and stands in the list", async () => {
    const listed = (target: string) =>
      `${missing}gfx1010\n List of available TensileLibrary Files :\n` +
      `"/lib/TensileLibrary_lazy_${target}.dat"`;
    expect(await judge(listed("gfx1030"))).toEqual(["rocblas-without-target:confirmed"]);
    expect(await judge(listed("gfx1010"))).toEqual(["rocblas-without-target:possible"]);
  });

  test("rocBLAS with an override asks for another target than the card's", async () => {
    const text = `HSA_OVERRIDE_GFX_VERSION=10.3.0 ./main\n${missing}gfx1030`;
    expect(await judge(text)).toContain("rocblas-without-target:possible");
  });

  test("software that names the card's own target beside another is not deceived", async () => {
    const text =
      "AMD Radeon RX 5700 XT\nRaw device name: gfx1010\n" +
      `Missing system database file: gfx1030_36.kdb\n${memoryFault}`;
    expect(await judge(text)).toEqual([
      "memory-fault:possible",
      "miopen-database-missing:confirmed",
    ]);
  });

  test("a memory fault is laid to exhausted memory only shortly after it", async () => {
    const full = "HIP out of memory. Tried to allocate 2.00 GiB.";
    const id = "memory-fault-from-exhaustion";
    expect(await judge(`${full}\n${memoryFault}`)).toContain(`${id}:likely`);
    expect(await judge(`${memoryFault}\n${full}`)).toContain(`${id}:possible`);
    const apart = await explain([log(full, "a"), log(memoryFault, "b")]);
    expect(apart.findings.find((finding) => finding.id === id)?.certainty).toBe("possible");
  });

  test("missing code with an override, or beside an NVIDIA card", async () => {
    const override = `HSA_OVERRIDE_GFX_VERSION=10.3.0 python x.py\n${invalidFunction}`;
    expect(await judge(override)).toContain("torch-without-code:possible");
    const binary = "hipErrorNoBinaryForGpu: Unable to find code object for all current devices!";
    expect(await judge(binary)).toEqual(["no-code-object:likely"]);
    expect(await judge(`GeForce RTX 3050\n${binary}`)).toEqual(["no-code-object:possible"]);
  });

  test("CUDA's words in ROCm's or ZLUDA's mouth", async () => {
    const text = "CUDA error: no kernel image is available for execution on the device";
    expect(await judge(`GeForce GTX 1080\n${text}`)).toEqual(["cuda-without-code:confirmed"]);
    expect(await judge(`ZLUDA 3.9\n${text}`)).toEqual(["cuda-without-code:possible"]);
  });

  test("PCIe atomics that this machine has", async () => {
    const text = "kfd kfd: amdgpu: skipped device 1002:731f, PCI rejects atomics";
    expect(await judge(text)).toEqual(["pcie-atomics:confirmed"]);
    expect(await judge(text, machine("rx5600xt-stock-wheel"))).toEqual(["pcie-atomics:possible"]);
  });
});

describe("several causes", () => {
  test("a closing line never comes before what explains it", async () => {
    const tail = "Compile with `TORCH_USE_HIP_DSA` to enable device-side assertions.";
    const { findings } = await explain([log(`${tail}\n${invalidFunction}\nAborted (core dumped)`)]);
    expect(findings.map(({ id }) => id)).toEqual(["torch-without-code"]);
    expect([...findings[0]!.consequences].sort()).toEqual(["generic-hip-tail", "process-died"]);
  });

  test("the more certain cause comes first", async () => {
    const found = await judge(
      `HIP out of memory. Tried to allocate 2.00 GiB.\n${freezing}\n${memoryFault}`,
    );
    expect(found[0]).toBe("out-of-memory:confirmed");
  });

  test("files are weighed together, and lines name their file", async () => {
    const crash = log(`torch 2.4.1+rocm6.1\n${invalidFunction}`, "crash.log");
    const dmesg = log("[drm] initializing kernel modesetting (NAVI10 0x1002:0x731F)", "dmesg.txt");
    const { findings } = await explain([crash, dmesg]);
    expect(findings[0]).toMatchObject({ id: "torch-without-code", certainty: "confirmed" });
    expect(findings[0]!.lines).toEqual([{ file: "crash.log", number: 2, text: invalidFunction }]);
  });
});

describe("what is not known", () => {
  test("names the logs that would tell, by what the text is about", async () => {
    const commandsFor = async (text: string) => {
      const { verdict, logsThatWouldHelp } = await explain([log(text)]);
      return [verdict, ...logsThatWouldHelp.map(({ command = "" }) => command)].join("\n");
    };
    expect(await commandsFor("Segmentation fault (core dumped)")).toMatch(/^unknown\n[\s\S]*dmesg/);
    const miopen = "MIOpen(HIP): Error: something new";
    expect(await commandsFor(miopen)).toMatch(/^unknown\n[\s\S]*MIOPEN_LOG_LEVEL/);
    expect(await commandsFor("RuntimeError: HIP error: a new one")).toMatch(/AMD_LOG_LEVEL=3/);
    expect(await commandsFor("a quiet day")).toBe("nothing");
    expect(await commandsFor(invalidFunction)).toBe("found");
    expect(await commandsFor(memoryFault)).toMatch(/^found/);
  });

  test("a harmless warning beside an unknown failure does not make it harmless", async () => {
    const warning = "Attempting to use hipBLASLt on a unsupported architecture!";
    expect((await explain([log(warning)])).verdict).toBe("harmless");
    expect((await explain([log(`${warning}\nValueError: bad shape`)])).verdict).toBe("unknown");
  });
});

test("a long log is read as a stream, and its repeated lines are counted", async () => {
  const count = 60_000;
  function* chunks() {
    for (let i = 0; i < count; i++) {
      const number = i.toString(16);
      yield Buffer.from(
        `:3:hip_module.cpp :550 : ${i} us: [tid: 0x7f${number}] hipLaunchKernel ( 0x${number} )\n` +
          `[ ${i}.5] amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=${i}\n`,
      );
    }
    yield Buffer.from(invalidFunction);
  }
  const { findings, lines } = await explain([{ name: "long", chunks: chunks() }]);
  expect(lines).toBe(2 * count + 1);
  expect(findings.map(({ id, count: n }) => [id, n])).toEqual([
    ["torch-without-code", 1],
    ["ring-timeout", count],
  ]);
  expect(findings[0]!.lines[0]!.number).toBe(2 * count + 1);
  expect(findings[1]!.lines.length).toBeLessThanOrEqual(4);
});

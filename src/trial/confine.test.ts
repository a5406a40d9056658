import { expect, test } from "vitest";
import { type Host, machineHost } from "../host/index.ts";
import { findConfinement } from "./confine.ts";

const limits = { timeMs: 1000, memoryBytes: 8e9, cpuSeconds: 60 };
const python = { program: "python3", args: ["step.py"] };

/** A machine on which these programs work; what it was asked is kept. */
function machine(platform: NodeJS.Platform, ...works: string[]): { host: Host; asked: string[] } {
  const asked: string[] = [];
  const host: Host = {
    ...machineHost({}),
    platform,
    run: async (program, args) => {
      asked.push([program, ...args].join(" "));
      const status = works.includes(program) ? 0 : 1;
      return { status, out: "", err: "" };
    },
  };
  return { host, asked };
}

test("a scope of systemd holds prlimit, which holds the program", async () => {
  const { host, asked } = machine("linux", "systemd-run", "prlimit");
  const confinement = await findConfinement(host);
  expect(confinement.name).toBe("process group, memory watch, systemd scope, prlimit");
  const { program, args } = confinement.wrap(python, limits);
  expect([program, ...args].join(" ")).toBe(
    "systemd-run --user --scope --quiet --collect --property=MemoryMax=8000000000 " +
      "--property=TasksMax=4096 -- prlimit --cpu=60:65 --core=0 -- python3 step.py",
  );
  // Each was tried first, on a program that does nothing.
  expect(asked.every((line) => line.endsWith(" -- true"))).toBe(true);
});

test("what does not work here is left out", async () => {
  const without = await findConfinement(machine("linux", "prlimit").host);
  expect(without.wrap(python, limits).program).toBe("prlimit");
  const windows = machine("win32", "systemd-run", "prlimit");
  expect((await findConfinement(windows.host)).wrap(python, limits)).toEqual(python);
  expect(windows.asked).toEqual([]);
});

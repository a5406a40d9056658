import { expect, test } from "vitest";
import { type Host, machineHost } from "../host/index.ts";
import { watchSensors } from "./sensors.ts";

/** A machine with these files, whose sensors may change from one reading to the next. */
function machine(files: (reading: number) => Record<string, string>, nvidia?: string): Host {
  let readings = 0;
  const isIn = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
  return {
    ...machineHost({}),
    list: async (folder) => {
      if (folder === "/sys/class/drm") readings++;
      const below = Object.keys(files(readings)).filter(isIn(folder));
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0]!))];
    },
    readText: async (path) => files(readings)[path],
    run: async (program) =>
      program === "nvidia-smi" && nvidia !== undefined
        ? { status: 0, out: nvidia, err: "" }
        : { status: null, out: "", err: "", problem: "missing" },
  };
}

async function ranges(host: Host) {
  const watched = watchSensors(host, 10);
  await new Promise((resolve) => setTimeout(resolve, 80));
  return await watched.stop();
}

const device = "/sys/class/drm/card1/device";

test("amdgpu: the junction's temperature, clock, power, memory, from least to most", async () => {
  const host = machine((reading) => ({
    "/sys/class/drm/card0/device/vendor": "0x8086\n",
    "/sys/class/drm/card1-DP-1/status": "connected",
    [`${device}/vendor`]: "0x1002\n",
    [`${device}/mem_info_vram_used`]: `${1000 + reading}\n`,
    [`${device}/hwmon/hwmon3/temp1_input`]: "50000\n",
    [`${device}/hwmon/hwmon3/temp2_input`]: reading === 1 ? "61000\n" : "72000\n",
    [`${device}/hwmon/hwmon3/freq1_input`]: "1620000000\n",
    [`${device}/hwmon/hwmon3/power1_average`]: "120000000\n",
  }));
  const found = await ranges(host);
  expect(found).toMatchObject({
    temperatureC: [61, 72],
    clockMHz: [1620, 1620],
    powerW: [120, 120],
  });
  expect(found.memoryBytes![0]).toBe(1001);
});

test("nvidia-smi, and a value that it does not tell", async () => {
  expect(await ranges(machine(() => ({}), "45, 1980, 1024, [N/A]\n"))).toEqual({
    temperatureC: [45, 45],
    clockMHz: [1980, 1980],
    memoryBytes: [2 ** 30, 2 ** 30],
  });
});

test("no card: nothing is known", async () => {
  expect(await ranges(machine(() => ({})))).toEqual({});
});

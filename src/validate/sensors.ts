import type { Host } from "../host/index.ts";

/** What a card's sensors say at one moment. */
export interface Reading {
  readonly temperatureC?: number;
  readonly clockMHz?: number;
  readonly memoryBytes?: number;
  readonly powerW?: number;
}

/** What they said over a time: the least and the most of each. */
export type SensorRange = { readonly [K in keyof Reading]?: readonly [number, number] };

/** Reads amdgpu's sensors, else those that nvidia-smi tells; nothing where there is no card. */
async function readSensors(host: Host): Promise<Reading> {
  const amd = await readAmdgpu(host);
  return amd ?? (await readNvidia(host));
}

async function readAmdgpu(host: Host): Promise<Reading | undefined> {
  const drm = "/sys/class/drm";
  for (const card of (await host.list(drm)).filter((name) => /^card\d+$/.test(name))) {
    const device = `${drm}/${card}/device`;
    if ((await host.readText(`${device}/vendor`))?.trim() !== "0x1002") continue;
    const [hwmon] = await host.list(`${device}/hwmon`);
    const number = async (path: string, scale: number) => {
      const text = await host.readText(path);
      return text === undefined ? undefined : Number(text) / scale;
    };
    const sensor = (name: string, scale: number) =>
      hwmon === undefined ? undefined : number(`${device}/hwmon/${hwmon}/${name}`, scale);
    // The junction is the hottest place; older cards have the edge alone.
    const junction = await sensor("temp2_input", 1000);
    return present({
      temperatureC: junction ?? (await sensor("temp1_input", 1000)),
      clockMHz: await sensor("freq1_input", 1e6),
      powerW: await sensor("power1_average", 1e6),
      memoryBytes: await number(`${device}/mem_info_vram_used`, 1),
    });
  }
  return undefined;
}

async function readNvidia(host: Host): Promise<Reading> {
  const query = "--query-gpu=temperature.gpu,clocks.sm,memory.used,power.draw";
  const args = [query, "--format=csv,noheader,nounits"];
  const { status, out } = await host.run("nvidia-smi", args, { timeoutMs: 3000 });
  if (status !== 0) return {};
  const [temperatureC, clockMHz, mebibytes, powerW] = out.split("\n")[0]!.split(",").map(Number);
  const memoryBytes = mebibytes === undefined ? undefined : mebibytes * 2 ** 20;
  return present({ temperatureC, clockMHz, powerW, memoryBytes });
}

function present(values: { [K in keyof Reading]: number | undefined }): Reading {
  const entries = Object.entries(values).filter(([, value]) => Number.isFinite(value));
  return Object.fromEntries(entries);
}

/** Reads again and again until stopped; gives the range of each. */
export function watchSensors(host: Host, everyMs: number): { stop(): Promise<SensorRange> } {
  const ranges: Record<string, [number, number]> = {};
  let isOver = false;
  let wake = () => {};
  const done = (async () => {
    while (!isOver) {
      for (const [name, value] of Object.entries(await readSensors(host))) {
        const [least, most] = ranges[name] ?? [value, value];
        ranges[name] = [Math.min(least, value), Math.max(most, value)];
      }
      if (isOver) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, everyMs).unref();
      });
    }
  })();
  return {
    async stop() {
      isOver = true;
      wake();
      await done;
      return ranges;
    },
  };
}

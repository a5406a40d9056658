import { z } from "zod";
import type { GpuFacts } from "../facts.ts";
import { known, type Probe } from "./probe.ts";

/** Controllers, and the true sizes of their memory: AdapterRAM has 32 bits only. */
const script = [
  "$ErrorActionPreference = 'SilentlyContinue'",
  "$class = '{4d36e968-e325-11ce-bfc1-08002be10318}'",
  "$keys = 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\' + $class + '\\0*'",
  "$size = 'HardwareInformation.qwMemorySize'",
  "$controllers = @(Get-CimInstance Win32_VideoController |" +
    " Select-Object Name, PNPDeviceID, DriverVersion)",
  "$memory = @(Get-ItemProperty $keys | Select-Object MatchingDeviceId," +
    " @{ Name = 'Bytes'; Expression = { $_.$size } })",
  "@{ controllers = $controllers; memory = $memory } | ConvertTo-Json -Depth 4 -Compress",
].join("; ");

const answerSchema = z.object({
  controllers: z.array(
    z.object({
      Name: z.string().nullish(),
      PNPDeviceID: z.string().nullish(),
      DriverVersion: z.string().nullish(),
    }),
  ),
  memory: z.array(
    z.object({ MatchingDeviceId: z.string().nullish(), Bytes: z.number().nullish() }),
  ),
});

/** Display controllers, as Windows lists them. */
export const windowsProbe: Probe = {
  name: "windows",
  what: "video controllers",
  systems: ["win32"],
  timeoutMs: 10_000,
  byHand: "Get-CimInstance Win32_VideoController | Select-Object Name, PNPDeviceID, DriverVersion",
  async learn(host) {
    const args = ["-NoProfile", "-NonInteractive", "-Command", script];
    const { status, out, problem } = await host.run("powershell.exe", args, { timeoutMs: 9000 });
    if (status !== 0) throw new Error(`PowerShell gave no answer (${problem ?? status})`);
    return { gpus: readControllers(out) };
  },
};

/** GPUs from the script's JSON. The PNP id spells PCI ids: PCI\VEN_1002&DEV_731F&...&REV_CA\... */
export function readControllers(json: string): GpuFacts[] {
  const { controllers, memory } = answerSchema.parse(JSON.parse(json));
  return controllers.map(({ Name, PNPDeviceID, DriverVersion }) => {
    const id = PNPDeviceID ?? "";
    const part = (name: string, digits: number) =>
      new RegExp(`${name}_([0-9A-F]{${digits}})`, "i").exec(id)?.[1]?.toLowerCase();
    const [vendorId, deviceId] = [part("VEN", 4), part("DEV", 4)];
    const board = part("SUBSYS", 8);
    const size = memory.find(
      ({ MatchingDeviceId: match }) =>
        deviceId && match?.toLowerCase().includes(`ven_${vendorId}&dev_${deviceId}`),
    );
    return known({
      vendorId,
      deviceId,
      revision: part("REV", 2),
      subsystem: board && `${board.slice(4)}:${board.slice(0, 4)}`,
      name: Name ?? undefined,
      driverVersion: DriverVersion ?? undefined,
      vramBytes: size?.Bytes ?? undefined,
    });
  });
}

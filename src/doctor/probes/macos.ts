import { z } from "zod";
import type { GpuFacts } from "../facts.ts";
import { known, type Probe } from "./probe.ts";

const answerSchema = z.object({
  SPDisplaysDataType: z.array(
    z.object({
      sppci_model: z.string().optional(),
      "spdisplays_device-id": z.string().optional(),
      "spdisplays_revision-id": z.string().optional(),
      spdisplays_vendor: z.string().optional(),
      spdisplays_vram: z.string().optional(),
      sppci_bus: z.string().optional(),
    }),
  ),
});

/** Display controllers, as macOS lists them. */
export const macosProbe: Probe = {
  name: "macos",
  what: "displays",
  systems: ["darwin"],
  timeoutMs: 8000,
  byHand: "system_profiler SPDisplaysDataType",
  async learn(host) {
    const args = ["SPDisplaysDataType", "-json"];
    const { status, out } = await host.run("system_profiler", args, { timeoutMs: 7000 });
    if (status !== 0) throw new Error("system_profiler gave no answer");
    return { gpus: readDisplays(out) };
  },
};

const vendorIds: Readonly<Record<string, string>> = {
  amd: "1002",
  ati: "1002",
  intel: "8086",
  nvidia: "10de",
  apple: "106b",
};

/** PCI's id of "sppci_vendor_amd", "Intel" or "AMD (0x1002)". */
function vendorIdOf(vendor: string): string | undefined {
  const name = vendor.replace("sppci_vendor_", "").split(" ")[0]!.toLowerCase();
  return /\(0x([0-9a-f]{4})\)/i.exec(vendor)?.[1] ?? vendorIds[name];
}

/** GPUs from the JSON of `system_profiler SPDisplaysDataType -json`. */
export function readDisplays(json: string): GpuFacts[] {
  return answerSchema.parse(JSON.parse(json)).SPDisplaysDataType.map((display) => {
    const hex = (text: string | undefined) => text?.replace(/^0x/, "").toLowerCase();
    const size = /^([\d.]+) (GB|MB)$/.exec(display.spdisplays_vram ?? "");
    return known({
      vendorId: vendorIdOf(display.spdisplays_vendor ?? ""),
      deviceId: hex(display["spdisplays_device-id"]),
      revision: hex(display["spdisplays_revision-id"])?.slice(-2),
      name: display.sppci_model,
      vramBytes: size ? Number(size[1]) * (size[2] === "GB" ? 2 ** 30 : 2 ** 20) : undefined,
    });
  });
}

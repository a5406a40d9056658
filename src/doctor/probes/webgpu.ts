import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";
import { known, type Probe } from "./probe.ts";

/** The built command, which lies at this place beside the built probes. */
const command = fileURLToPath(new URL("../../cli/main.js", import.meta.url));

/** Part of what `rekindle devices --json` prints. */
const surveySchema = z.object({
  adapters: z.array(
    z.object({
      name: z.string(),
      vendor: z.string(),
      architecture: z.string(),
      description: z.string(),
      kind: z.enum(["gpu", "software", "null"]),
      backend: z.string(),
      suits: z.boolean(),
      remarks: z.array(z.string()),
    }),
  ),
  auto: z.object({ name: z.string() }).nullable(),
  problem: z.string().optional(),
});

/**
 * What WebGPU opens here. Drivers are loaded in a process of their own: one that crashes or hangs
 * does no harm to the doctor.
 */
export const webgpuProbe: Probe = {
  name: "webgpu",
  what: "WebGPU adapters",
  timeoutMs: 12_000,
  byHand: "rekindle devices",
  learn: async (host) => ({ webgpu: await adaptersOf(host) }),
};

async function adaptersOf(host: Host): Promise<NonNullable<Facts["webgpu"]>> {
  const ended = await host.learn("rekindle devices --json", async () => {
    if (!(await host.exists(command))) throw new Error("this is not the built command");
    // The environment as it is: what a program of the user's would see.
    return await host.run(process.execPath, [command, "devices", "--json"], {
      timeoutMs: 10_000,
      env: host.env,
    });
  });
  if (ended.problem === "timeout") throw new Error("`rekindle devices` took longer than 10 s");
  if (ended.problem) throw new Error(`\`rekindle devices\` was ${ended.problem}`);
  return readSurvey(ended.out);
}

/** Facts from what `rekindle devices --json` prints; throws where it is something else. */
export function readSurvey(json: string): NonNullable<Facts["webgpu"]> {
  const start = json.indexOf("{");
  let value: unknown;
  try {
    value = JSON.parse(json.slice(start));
  } catch {
    throw new Error("`rekindle devices` printed no JSON");
  }
  const { adapters, auto, problem } = surveySchema.parse(value);
  return known({
    adapters: adapters.map(({ description, ...rest }) => ({ ...rest, driver: description })),
    chosen: auto?.name,
    problem,
  });
}

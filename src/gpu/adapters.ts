import { messageOf, RekindleError } from "../errors.ts";
import { inNode } from "./environment.ts";
import { instanceOf } from "./instance.ts";

/** What an adapter says of itself. */
export interface AdapterInfo {
  /** As the driver spells it: "AMD Radeon RX 5600 XT (RADV NAVI10)". */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** The name in WebGPU's spelling: "amd-radeon-rx-5600-xt-radv-navi10-". */
  readonly device: string;
  /** The driver and its version, where it tells: "radv: Mesa 25.0.7". */
  readonly description: string;
  /** "software" is a CPU that emulates a GPU (lavapipe, SwiftShader); "null" never computes. */
  readonly kind: "gpu" | "software" | "null";
}

/** An adapter with what it offers. Limits are named, and have the units, as in WebGPU. */
export interface AdapterReport extends AdapterInfo {
  /** "vulkan", "d3d12", "metal"; "browser" where the browser does not tell. */
  readonly backend: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Fewest and most lanes that run together; 0 where not known. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/** An adapter that Dawn can be told to open. */
export interface AdapterName {
  readonly backend: string;
  readonly name: string;
}

/**
 * Every adapter of this machine, with its limits and features; none where no driver is installed.
 * Throws "device-missing" where WebGPU itself is missing.
 *
 * @example
 * for (const { name, kind } of await listAdapters()) console.log(name, kind);
 */
export async function listAdapters(): Promise<AdapterReport[]> {
  if (!inNode) {
    const adapter = await (await instanceOf()).requestAdapter();
    return adapter ? [reportOf(adapter, "browser", [])] : [];
  }
  const reports: AdapterReport[] = [];
  const names = await adapterNames();
  for (const { backend, name } of names) {
    const adapter = await (await instanceOf({ backend, adapter: name })).requestAdapter();
    if (adapter) reports.push(reportOf(adapter, backend, names));
  }
  return reports;
}

/** The names of all adapters, found without opening any; empty in browsers. */
export async function adapterNames(): Promise<AdapterName[]> {
  if (!inNode) return [];
  // Dawn in Node cannot list adapters, but it names them all when asked for one that is not there.
  const instance = await instanceOf({ adapter: "(list all adapters)" });
  try {
    await instance.requestAdapter();
    return [];
  } catch (error) {
    return parseAdapterNames(messageOf(error));
  }
}

/** Reads the adapters out of Dawn's message "... Available adapters:\n * backend: ...". */
export function parseAdapterNames(message: string): AdapterName[] {
  const seen = new Map<string, AdapterName>();
  for (const [, backend, name] of message.matchAll(/^ *\* backend: '([^']*)', name: '(.*)'$/gm)) {
    if (backend && name) seen.set(`${backend} ${name}`, { backend, name });
  }
  return [...seen.values()];
}

/** The adapter whose name holds `part`, whatever the case; an error that lists them otherwise. */
export function findAdapter(names: readonly AdapterName[], part: string): AdapterName {
  const found = names.find(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  if (found) return found;
  const list = names.map(({ name }) => `"${name}"`).join(", ");
  throw new RekindleError("device-missing", `no adapter's name contains "${part}"`, {
    fix: list ? `the adapters are ${list}` : "no adapter was found: is a Vulkan driver installed?",
  });
}

export function infoOf({ info }: GPUAdapter, names: readonly AdapterName[]): AdapterInfo {
  const { vendor, architecture, device, description } = info;
  const kind = device === "null-backend" ? "null" : info.isFallbackAdapter ? "software" : "gpu";
  const spelled = names.find(({ name }) => normalized(name) === device)?.name;
  const name = spelled ?? (device || description || [vendor, architecture].join(" ").trim());
  return { name, vendor, architecture, device, description, kind };
}

function reportOf(adapter: GPUAdapter, backend: string, names: readonly AdapterName[]) {
  const limits: Record<string, number> = {};
  // The limits are getters of the prototype, so that Object.entries does not see them.
  for (const key in adapter.limits) {
    const value = adapter.limits[key as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[key] = value;
  }
  return {
    ...infoOf(adapter, names),
    backend,
    features: [...adapter.features].sort(),
    limits,
    subgroupMinSize: adapter.info.subgroupMinSize ?? 0,
    subgroupMaxSize: adapter.info.subgroupMaxSize ?? 0,
  };
}

/** WebGPU's spelling of a name: lower case, with everything else but digits as single dashes. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

import { messageOf } from "../errors.ts";
import { type AdapterInfo, inNode } from "../gpu/index.ts";
import { lookupIn } from "./lookup.ts";
import { placeOfTunings } from "./place.ts";
import { shippedFor } from "./shipped.ts";
import type { Lookup, Tunings } from "./tuning.ts";

/** "off", the path of a file, or the content of one, as browsers have it. */
export type TuningSource = string | Tunings;

/** Tunings ready to be used; `ignored` says in sentences what was found and cannot be. */
export interface LoadedTunings {
  readonly lookup: Lookup | undefined;
  readonly ignored: readonly string[];
}

type Device = Pick<AdapterInfo, "name" | "description" | "vendor" | "architecture">;

/**
 * The tunings for a device: from `source`, or from where they are stored. Never fails: what is
 * damaged or was measured on another device is ignored, with the reason.
 */
export async function loadTunings(
  device: Device,
  source: TuningSource | undefined,
): Promise<LoadedTunings> {
  if (source === "off") return { lookup: undefined, ignored: [] };
  const ignored: string[] = [];
  let known: Tunings | undefined;
  try {
    known = await read(source);
  } catch (error) {
    ignored.push(messageOf(error));
  }
  const mine = known?.devices.filter((d) => d.adapter === device.name) ?? [];
  const current = mine.find((d) => d.driver === device.description);
  for (const { driver, tunings } of current ? [] : mine) {
    ignored.push(
      `stored tunings (${tunings.length}) are for the driver "${driver}", ` +
        `this is "${device.description}"`,
    );
  }
  const stored = current?.tunings ?? [];
  const shipped = shippedFor(device);
  const isEmpty = stored.length + shipped.length === 0;
  return { lookup: isEmpty ? undefined : lookupIn(stored, shipped), ignored };
}

async function read(source: TuningSource | undefined): Promise<Tunings | undefined> {
  if (typeof source === "object") {
    const { checkTunings } = await import("./format.ts");
    return checkTunings(source, "the object");
  }
  if (!inNode) return undefined;
  const path = source ?? placeOfTunings(process.platform, process.env);
  if (path === undefined) return undefined;
  // Loaded when needed: browsers have no files.
  const { readStored } = await import("./store.ts");
  const stored = await readStored(path);
  if (stored || source === undefined) return stored;
  throw new Error(`there is no file ${path}`);
}

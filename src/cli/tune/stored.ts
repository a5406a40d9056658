import { RekindleError } from "../../errors.ts";
import { type AdapterReport, listAdapters } from "../../gpu/index.ts";
import { parseTunings } from "../../tunings/format.ts";
import { addToStore, removeFromStore } from "../../tunings/store.ts";
import type { DeviceTunings, Tunings } from "../../tunings/tuning.ts";
import type { Io } from "../io.ts";
import { formatMs, plural } from "../text.ts";
import type { TuneOptions } from "./options.ts";
import { storedOrNone, storeOf } from "./place.ts";
import { choiceText } from "./render.ts";

/** The devices whose adapter's name holds what --device says; all where it is left out. */
function chosen({ devices }: Tunings, { device }: TuneOptions): readonly DeviceTunings[] {
  return devices.filter(({ adapter }) => contains(adapter, device));
}

const contains = (name: string, part = ""): boolean =>
  name.toLowerCase().includes(part.toLowerCase());

const countOf = (devices: readonly DeviceTunings[]): number =>
  devices.reduce((sum, { tunings }) => sum + tunings.length, 0);

/** `--list`. */
export async function listStored(options: TuneOptions, io: Io): Promise<void> {
  const path = storeOf(io);
  const devices = chosen(await storedOrNone(path, io), options);
  if (options.json) {
    io.out.write(`${JSON.stringify({ file: path, devices }, null, 2)}\n`);
    return;
  }
  if (countOf(devices) === 0) {
    io.out.write(`nothing is stored in ${path}\n`);
    return;
  }
  for (const { adapter, driver, tunings } of devices) {
    io.out.write(
      `${adapter}, driver ${driver || "unknown"}: ${plural(tunings.length, "tuning")}\n`,
    );
    for (const { problem, kernel, config, timeMs, defaultMs } of tunings) {
      const times = `${formatMs(timeMs)}, default ${formatMs(defaultMs)}`;
      io.out.write(`  ${problem}\n    ${choiceText(kernel, config)}: ${times}\n`);
    }
  }
  io.out.write(`stored in ${path}\n`);
}

/** `--clear`. */
export async function clearStored(options: TuneOptions, io: Io): Promise<void> {
  const path = storeOf(io);
  const removed = await removeFromStore(path, (d) => contains(d.adapter, options.device));
  if (options.json) io.out.write(`${JSON.stringify({ file: path, removed }, null, 2)}\n`);
  else io.out.write(`removed ${plural(removed, "tuning")} from ${path}\n`);
}

/** `--export`. */
export async function exportStored(options: TuneOptions, io: Io): Promise<void> {
  const target = options.export!;
  await io.host.checkWritable(target);
  const path = storeOf(io);
  const stored = await storedOrNone(path, io);
  const devices = chosen(stored, options);
  const count = countOf(devices);
  if (count === 0) {
    const where = options.device === undefined ? "" : ` for an adapter "${options.device}"`;
    throw new RekindleError("usage", `nothing is stored${where} in ${path}`, {
      fix: "tune a network first: rekindle tune MODEL",
    });
  }
  await io.host.writeFile(target, `${JSON.stringify({ ...stored, devices }, null, 1)}\n`);
  if (options.json) io.out.write(`${JSON.stringify({ file: target, exported: count }, null, 2)}\n`);
  else io.out.write(`wrote ${plural(count, "tuning")} to ${target}\n`);
}

/** `--import`: what was measured on the same adapter. */
export async function importFile(options: TuneOptions, io: Io): Promise<void> {
  const source = options.import!;
  const path = storeOf(io);
  const text = Buffer.from(await io.host.readFile(source, "tunings")).toString("utf8");
  const { devices } = parseTunings(text, source);
  const here = (await listAdapters()).filter(({ name }) => contains(name, options.device));
  const mine = devices.filter(({ adapter }) => here.some(({ name }) => name === adapter));
  if (mine.length === 0) throw foreign(source, devices, here);
  await addToStore(path, mine);
  const imported = countOf(mine);
  const driverOf = ({ adapter }: DeviceTunings) =>
    here.find(({ name }) => name === adapter)!.description;
  const others = mine.filter((device) => device.driver !== driverOf(device));
  if (options.json) {
    const report = { file: path, imported, otherDriver: countOf(others) };
    io.out.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  io.out.write(`took ${plural(imported, "tuning")} into ${path}\n`);
  for (const device of others) {
    const what = `${plural(device.tunings.length, "tuning")} measured with "${device.driver}"`;
    io.out.write(`note: ${what}: not used now, with the driver "${driverOf(device)}"\n`);
  }
}

function foreign(
  source: string,
  devices: readonly DeviceTunings[],
  here: readonly AdapterReport[],
): RekindleError {
  const list = (names: readonly string[]) =>
    names.map((name) => `"${name}"`).join(", ") || "no adapter";
  const theirs = list(devices.map(({ adapter }) => adapter));
  const ours = list(here.map(({ name }) => name));
  return new RekindleError("usage", `${source} holds tunings of ${theirs}, here is ${ours}`, {
    fix: "tune on this machine: rekindle tune MODEL",
  });
}

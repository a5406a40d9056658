import { RekindleError } from "../../errors.ts";
import { noTunings } from "../../tunings/merge.ts";
import { placeOfTunings } from "../../tunings/place.ts";
import { readStored } from "../../tunings/store.ts";
import type { Tunings } from "../../tunings/tuning.ts";
import type { Io } from "../io.ts";

/** The file in which this user's tunings are; throws "usage" where there is to be none. */
export function storeOf({ host }: Io): string {
  const place = placeOfTunings(host.platform, host.env);
  if (place !== undefined) return host.resolve(place);
  const isOff = host.env.REKINDLE_TUNINGS === "off";
  throw new RekindleError(
    "usage",
    isOff
      ? "tunings are turned off: REKINDLE_TUNINGS is off"
      : "there is no place for tunings: the environment names no home folder",
    { fix: "set REKINDLE_TUNINGS to a file" },
  );
}

/** What is stored; a damaged file is told of and counts as empty. */
export async function storedOrNone(path: string, { err }: Io): Promise<Tunings> {
  try {
    return (await readStored(path)) ?? noTunings;
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    err.write(`note: ${error.message}; it is ignored\n`);
    return noTunings;
  }
}

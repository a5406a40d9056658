import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";

/*
 * Space that is set aside while a fix runs: when it fills the disk, the journal can still say that
 * it goes back.
 */

const reserveBytes = 256 * 1024;
const pathIn = (folder: string) => join(folder, "reserve");

/** Throws "file-invalid" where there is not even room for this: then nothing should begin. */
export function makeReserve(folder: string): void {
  try {
    writeFileSync(pathIn(folder), Buffer.alloc(reserveBytes, 1));
  } catch (cause) {
    throw new RekindleError("file-invalid", `cannot write in ${folder}: ${messageOf(cause)}`, {
      fix: "free some space on its disk",
      cause,
    });
  }
}

/** Frees it. Whether there was any. */
export function dropReserve(folder: string): boolean {
  try {
    rmSync(pathIn(folder));
    return true;
  } catch {
    return false;
  }
}

// What kills a program at one write to its journal, or lets the disk be full there: for programs
// that carry something out with the built package. Import it before the package.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { writeSync, fsyncSync } = fs;
const die = () => process.kill(process.pid, "SIGKILL");

/**
 * @param at Which write, the first one is 1.
 * @param how "amid" it, "after" it, or "full disk".
 * @returns A function that tells how many writes there were.
 */
export function endAtWrite(at, how) {
  let writes = 0;
  // Journal records alone are written from memory that begins with a brace.
  fs.writeSync = (file, bytes, ...rest) => {
    if (!(bytes instanceof Uint8Array) || bytes[0] !== 123) return writeSync(file, bytes, ...rest);
    writes++;
    if (writes === at && how !== "after") {
      writeSync(file, bytes.subarray(0, bytes.length >> 1));
      if (how !== "full disk") die();
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    }
    return writeSync(file, bytes, ...rest);
  };
  fs.fsyncSync = (file) => {
    fsyncSync(file);
    if (writes === at && how === "after") die();
  };
  syncBuiltinESMExports();
  return () => writes;
}

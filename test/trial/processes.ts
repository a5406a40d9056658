import { execFileSync } from "node:child_process";

/** The processes that live and have a text in their environment (Linux). */
export function processesWith(text: string): string[] {
  const all = execFileSync("ps", ["eww", "-A", "-o", "stat,args"], { encoding: "utf8" });
  return all.split("\n").filter((line) => /^[^Z]/.test(line) && line.includes(text));
}

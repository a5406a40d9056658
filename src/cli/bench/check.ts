import { RekindleError } from "../../errors.ts";
import type { BenchOptions, What } from "./options.ts";

/** Options that only some of the commands take. */
const only: Readonly<Partial<Record<keyof BenchOptions, readonly What[]>>> = {
  size: ["model"],
  layers: ["model"],
  against: ["model"],
  limit: ["sweep"],
  seconds: ["sweep"],
  seed: ["sweep"],
};

/** Throws "usage" for options that would do nothing. */
export function checkOptions(what: What, names: readonly string[], options: BenchOptions): void {
  for (const [option, where] of Object.entries(only)) {
    if (options[option as keyof BenchOptions] === undefined || where.includes(what)) continue;
    const text = `--${option} is for bench ${where.join(" and ")}, this is bench ${what}`;
    throw new RekindleError("usage", text, { fix: "leave it out" });
  }
  if (what === "sweep" && names.length > 0) {
    throw new RekindleError("usage", `bench sweep takes no names, "${names[0]}" was given`, {
      fix: `measure named layers: rekindle bench conv ${names[0]}`,
    });
  }
}

/** The name of a file to plot to; throws "usage" where its ending is not known. */
export function checkPlotName(path: string): string {
  if (/\.(html|svg)$/i.test(path)) return path;
  throw new RekindleError("usage", `--plot ${path}: a plot is an .html or .svg file`, {
    fix: `pass --plot ${path.replace(/\.[^./\\]*$/, "")}.html`,
  });
}

import { InvalidArgumentError } from "commander";

/** Parsers of option values. What they throw, commander turns into one line of error. */

/** A whole number of at least `least`, and at most `most` where that is given. */
export function wholeNumber(
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      const end = most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : "";
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}${end}.`);
    }
    return value;
  };
}

/** One number, or several with commas between them. */
export function numberList(text: string): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!values.every(Number.isFinite)) {
    throw new InvalidArgumentError("It must be a number, or several: 0.485,0.456,0.406");
  }
  return values;
}

/** As `numberList`, for divisors. */
export function positiveList(text: string): number[] {
  const values = numberList(text);
  if (values.some((v) => v <= 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return values;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

const maxSide = 65_536;

/** "224" or "224x320" (height first). */
export function pictureSize(text: string): Size {
  const match = /^(\d+)(?:x(\d+))?$/i.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  if (!match || height < 1 || width < 1 || height > maxSide || width > maxSide) {
    throw new InvalidArgumentError("It must be HEIGHTxWIDTH in pixels, 224x320, or one number.");
  }
  return { height, width };
}

/** The file of a named value. */
export interface NamedFile {
  readonly name: string;
  readonly path: string;
}

/** "NAME=FILE", collected. */
export function namedFile(text: string, earlier: readonly NamedFile[] = []): NamedFile[] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) {
    throw new InvalidArgumentError("It must be NAME=FILE, as in x=x.npy.");
  }
  const name = text.slice(0, at);
  if (earlier.some((e) => e.name === name)) {
    throw new InvalidArgumentError(`"${name}" is given twice.`);
  }
  return [...earlier, { name, path: text.slice(at + 1) }];
}

/** Bytes from "20GB", "500 MB" or "1.5TB", in decimal units as disks are sold. */
export function diskSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kMGT])B$/i.exec(text);
  if (!match) throw new InvalidArgumentError("It must be a size with its unit: 20GB, 500MB.");
  const power = "KMGT".indexOf(match[2]!.toUpperCase()) + 1;
  return Number(match[1]) * 1000 ** power;
}

/** "NAME=VALUE", collected; the value may be empty. */
export function namedValue(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be NAME=VALUE, as in channel=nightly.");
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

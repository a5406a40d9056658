/**
 * -1, 0 or 1 as `a` is older than, equal to or newer than `b`, in as many places as `b` has;
 * undefined if `a` does not start with a number. What follows the numbers does not count.
 *
 * @example
 * compareVersions("7.15.0a20260728", "7.15"); // 0
 * compareVersions("6.12.101+deb13-amd64", "6.8"); // 1
 */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [placesOf(a), placesOf(b)];
  if (left.length === 0) return undefined;
  for (const [i, wanted] of right.entries()) {
    const difference = (left[i] ?? 0) - wanted;
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function placesOf(version: string): number[] {
  const numbers = /^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "";
  return numbers === "" ? [] : numbers.split(".").map(Number);
}

/** Whether `from` <= version < `to`, each in its own places; "unknown" for what is no version. */
export function isBetween(version: string, from: string, to?: string): boolean | "unknown" {
  const low = compareVersions(version, from);
  if (low === undefined) return "unknown";
  return low >= 0 && (to === undefined || compareVersions(version, to)! < 0);
}

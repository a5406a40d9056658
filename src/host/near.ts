/**
 * The candidates that `name` was probably meant to be, nearest first, at most three: those within
 * a third of its length in edits, and those that contain it. One that differs in case alone is it.
 *
 * @example
 * nearNames("resnet5O", ["resnet50", "vgg16"]); // ["resnet50"]
 */
export function nearNames(name: string, candidates: Iterable<string>): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.ceil(wanted.length / 3);
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = distanceOf(wanted, candidate.toLowerCase(), limit);
    if (distance === 0) return [candidate];
    if (distance <= limit) near.push({ candidate, distance });
  }
  near.sort((a, b) => a.distance - b.distance);
  return near.slice(0, 3).map((n) => n.candidate);
}

/** Edits from one name to the other; a name that is part of the other counts as one edit away. */
function distanceOf(a: string, b: string, limit: number): number {
  if (a === b) return 0;
  const isPart = Math.min(a.length, b.length) > 2 && (a.includes(b) || b.includes(a));
  return isPart ? 1 : editDistance(a, b, limit);
}

/** Insertions, deletions and substitutions from `a` to `b` (Levenshtein 1966); more than `limit`
 * may come back as any larger number. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** `did you mean "a" or "b"?`, or undefined where nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const near = nearNames(name, candidates).map((n) => `"${n}"`);
  return near.length === 0 ? undefined : `did you mean ${near.join(" or ")}?`;
}

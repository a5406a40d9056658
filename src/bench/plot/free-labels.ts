/** A point in pixels, with the text that would stand at its right. */
export interface Labelled {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const meet = (a: Box, b: Box) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Half of a point's size, and the distance of its text. */
const radius = 5;
const gap = 7;

/**
 * Which points can show their text without covering a point or another text: first come, first
 * served. `widthOf` gives a text's width in pixels.
 */
export function freeLabels(
  points: readonly Labelled[],
  right: number,
  widthOf: (text: string) => number,
): boolean[] {
  const taken: Box[] = points.map(({ x, y }) => ({
    left: x - radius,
    right: x + radius,
    top: y - radius,
    bottom: y + radius,
  }));
  return points.map(({ x, y, text }) => {
    const left = x + gap;
    const box = { left, right: left + widthOf(text), top: y - 7, bottom: y + 7 };
    if (box.right > right || taken.some((other) => meet(box, other))) return false;
    taken.push(box);
    return true;
  });
}

import { stripVTControlCharacters } from "node:util";
import { RekindleError } from "../errors.ts";

/**
 * Reads class names: one per line, a JSON list, or a JSON map from class numbers to names (or to
 * lists whose last entry is the name, as Keras has them). Throws "file-invalid".
 *
 * @example
 * parseLabels("circle\nsquare\n", "labels.txt"); // ["circle", "square"]
 * parseLabels('{"0": ["n01440764", "tench"]}', "classes.json"); // ["tench"]
 */
export function parseLabels(text: string, name: string): string[] {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (!/^[[{]/.test(trimmed)) return trimmed.split(/\r?\n/).map((line) => printable(line.trim()));
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (cause) {
    throw new RekindleError("file-invalid", `labels ${name}: it is not valid JSON`, {
      fix: "pass a text file with one label per line, a JSON list or a JSON map",
      cause,
    });
  }
  return Array.isArray(value) ? value.map((v, i) => labelOf(v, i, name)) : fromMap(value, name);
}

/** Without escape sequences and other control characters, which would reach the terminal. */
const printable = (label: string): string =>
  stripVTControlCharacters(label).replace(/\p{Cc}/gu, "");

function fromMap(value: unknown, name: string): string[] {
  const entries = Object.entries(value as Record<string, unknown>);
  const labels: string[] = [];
  for (const [key, label] of entries) {
    const index = Number(key);
    if (!/^\d+$/.test(key) || index >= entries.length) {
      throw new RekindleError(
        "file-invalid",
        `labels ${name}: the key "${key}" is not a class number from 0 to ${entries.length - 1}`,
        { fix: 'a map looks like {"0": "circle", "1": "square"}' },
      );
    }
    labels[index] = labelOf(label, index, name);
  }
  return labels;
}

function labelOf(value: unknown, index: number, name: string): string {
  const label = Array.isArray(value) ? value.at(-1) : value;
  if (typeof label === "string") return printable(label);
  throw new RekindleError(
    "file-invalid",
    `labels ${name}: the label of class ${index} is not a text`,
    { fix: 'labels are texts, as in ["circle", "square"]' },
  );
}

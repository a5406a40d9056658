import { type Evidence, look, type View } from "./condition.ts";

const word = String.raw`(?:[a-z]\w*(?:\.\w+)*|"[^"{}]*")`;
const placeholder = new RegExp(String.raw`\{(${word}(?:\|${word})*)\}`, "g");

/**
 * A text with facts in their places: `{card.name}` is that fact, `{card.name|card.chip|"the card"}`
 * the first that is known, words in quotes standing for themselves. `{seen.settings.file}` is the
 * file of the first setting that decided the answer. Lists are joined with commas; what is not
 * known reads "(not known)".
 *
 * @example
 * fill("{card.gfx} is missing", { facts, at: { card: 0 } }, []); // "gfx1010 is missing"
 */
export function fill(template: string, view: View, because: readonly Evidence[]): string {
  return template.replace(placeholder, (_, choices: string) => {
    for (const choice of choices.split("|")) {
      const quoted = /^"(.*)"$/.exec(choice);
      if (quoted) return quoted[1]!;
      const path = choice.startsWith("seen.") ? deciding(choice.slice(5), because) : choice;
      const value = path === undefined ? undefined : look(view, path).value;
      if (value !== undefined) return shown(value);
    }
    return "(not known)";
  });
}

/** The key in the first item of its list that decided: "settings.file" is "settings.2.file". */
function deciding(path: string, because: readonly Evidence[]): string | undefined {
  for (const seen of because) {
    const list = /^(.+)\.\d+$/.exec(seen.path)?.[1];
    if (list !== undefined && (path === list || path.startsWith(`${list}.`))) {
      return seen.path + path.slice(list.length);
    }
  }
  return undefined;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(shown).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

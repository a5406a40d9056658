import { look, type View } from "./condition.ts";

/**
 * A text with facts in their places: `{card.name}` is that fact, `{card.name|card.chip|"the card"}`
 * the first that is known, words in quotes standing for themselves. Lists are joined with commas;
 * what is not known reads "(not known)".
 *
 * @example
 * fill("{card.gfx} is missing", { facts, at: { card: 0 } }); // "gfx1010 is missing"
 */
export function fill(template: string, view: View): string {
  return template.replace(/\{([a-z][^{}]*)\}/gi, (_, choices: string) => {
    for (const choice of choices.split("|")) {
      const quoted = /^"(.*)"$/.exec(choice);
      if (quoted) return quoted[1]!;
      const { value } = look(view, choice);
      if (value !== undefined) return shown(value);
    }
    return "(not known)";
  });
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(shown).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Files that hold assignments alone; no shell reads them. */
const isPlain = (file: string) => /environment(?:\.d\/[^/]*)?$|fish_variables$/.test(file);

/** A statement that does nothing: an `if` around it needs one. */
const nothing = ": # rekindle took a variable out here";

const assignment = /(^|[\s;])(\w+)=("[^"]*"|'[^']*'|[^\s;#]*)/g;
const ofFish = /(^|[\s;])set\s+(?:-\S+\s+)+(\w+)\s+("[^"]*"|'[^']*'|[^\s;#]*)/g;
const ofPam = /^(\w+)\s+DEFAULT=("[^"]*"|\S*)/;
const ofFishFile = /^SETUVAR (?:--\S+ )*(\w+):(.*)$/;

/**
 * The text of a profile without the assignments that `isMeant` names; all else stays as it is, and
 * what was right as a script stays so.
 *
 * @param file its name, which tells scripts from lists of assignments.
 * @example
 * withoutVariables("export A=1 B=2\n", "~/.bashrc", (name) => name === "A"); // "export B=2\n"
 */
export function withoutVariables(
  text: string,
  file: string,
  isMeant: (name: string, value: string) => boolean,
): string {
  const lines = text.split("\n").flatMap((line) => {
    if (/^\s*#/.test(line)) return [line];
    const listed = ofFishFile.exec(line) ?? ofPam.exec(line);
    if (listed) return isMeant(listed[1]!, plain(unescaped(listed[2]!))) ? [] : [line];
    const drop = (whole: string, before: string, name: string, value: string) =>
      isMeant(name, plain(value)) ? before : whole;
    const rest = line.replace(ofFish, drop).replace(assignment, drop);
    if (rest === line) return [line];
    if (isPlain(file)) return rest.trim() === "" ? [] : [rest];
    return [whole(rest)];
  });
  return lines.join("\n");
}

/** Makes what is left of a line of a script a statement again. */
function whole(rest: string): string {
  const [, indent, text] = /^(\s*)(.*?)\s*$/.exec(rest)!;
  const kept = text!
    .replace(/\b(?:export|setenv)\s*(?=$|;|&&|\|\||#)/, ":")
    .replace(/^(?=;|&&|\|\|)/, ": ")
    .replace(/[ \t]{2,}/g, " ");
  const isEmpty = /^:?\s*(?:#.*)?$/.test(kept);
  return isEmpty ? indent + nothing : indent + kept;
}

const plain = (value: string) => value.trim().replace(/^(["'])(.*)\1$/, "$2");

/** fish writes characters of its variables as \x2e. */
const unescaped = (text: string) =>
  text.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

/** What becomes of a variable's value: another one, or undefined: the assignment is taken out. */
export type Change = (name: string, value: string) => string | undefined;

/** Files that hold assignments alone; no shell reads them. */
const isPlain = (file: string) =>
  /environment(?:\.d\/[^/]*)?$|fish_variables$|\/systemd\/|\.desktop$/.test(file) ||
  // Those that services name: EnvironmentFile=.
  /^\/etc\/(?:default|sysconfig|conf\.d)\//.test(file);

/** A statement that does nothing: an `if` around it needs one. */
const nothing = ": # rekindle took a variable out here";

const value = `(?:"[^"]*"|'[^']*'|[^\\s;#"'])*`;
const assignment = new RegExp(`(^|[\\s;])(\\w+=)(${value})`, "g");
const ofFish = new RegExp(`(^|[\\s;])(set\\s+(?:-\\S+\\s+)+\\w+\\s+)(${value})`, "g");
const ofPam = /^()(\w+\s+DEFAULT=)("[^"]*"|\S*)/g;
const ofFishFile = /^()(SETUVAR (?:--\S+ )*\w+:)(.*)$/g;
/** Of a service, the whole assignment may stand in quotes: Environment="A=1" B=2. */
const ofUnit = /([\s=])("|'|)(\w+)=([^"'\s]*)\2(?=\s|$)/g;

/**
 * The text of a profile, or of a service of systemd, with other values of variables; all else stays
 * as it is, and what was right as a script stays so.
 *
 * @param file its name, which tells scripts from lists of assignments.
 * @example
 * withVariables("export A=1 B=2\n", "~/.bashrc", (name, v) => (name === "A" ? undefined : v));
 * // "export B=2\n"
 */
export function withVariables(text: string, file: string, change: Change): string {
  const lines = text.split("\n");
  const goesOn = (line: string | undefined) => line?.endsWith("\\") ?? false;
  const changed = lines.flatMap((line, i) => {
    if (/^\s*[#;]/.test(line)) return [line];
    if (/^\s*(?:Default)?Environment=/.test(line)) return unitLine(line, change);
    const [, code = "", comment = ""] = /^(.*?)(\s#.*)?$/.exec(line) ?? [];
    const form = [ofFishFile, ofPam].find((one) => code.search(one) === 0);
    const forms = form ? [form] : [ofFish, assignment];
    const rest = forms.reduce((now, one) => replaced(now, one, change), code);
    if (rest === code) return [line];
    if (isPlain(file)) {
      const kept = rest.replace(/[ \t]{2,}/g, " ");
      return /^\s*(?:export)?\s*$/.test(kept) ? [] : [kept + comment];
    }
    // A part of a statement that another line begins or ends.
    if (goesOn(lines[i - 1]) || goesOn(line)) return [rest.trimEnd() + comment];
    return [indentOf(line) + whole(rest.trim()) + comment];
  });
  return changed.join("\n");
}

function replaced(line: string, form: RegExp, change: Change): string {
  return line.replace(form, (all: string, before: string, head: string, written: string) => {
    const name = /(\w+)(?:\s+DEFAULT=|[=:\s]+)$/.exec(head)![1]!;
    const old = plain(unescaped(written));
    const now = change(name, old);
    const quote = /^(["']).*\1$/.exec(written)?.[1] ?? "";
    if (now === old) {
      // alias comfy='A=1 python main.py'
      const inside = quote === "" ? old : replaced(old, assignment, change);
      return inside === old ? all : `${before}${head}${quote}${inside.trimStart()}${quote}`;
    }
    if (now === undefined || now === "") return before;
    return `${before}${head}${quote}${now}${quote}`;
  });
}

function unitLine(line: string, change: Change): string[] {
  const rest = line.replace(ofUnit, (all: string, before: string, quote, name, old: string) => {
    const now = change(name as string, old);
    if (now === old) return all;
    const kept = now === undefined || now === "" ? "" : `${quote}${name}=${now}${quote}`;
    return before === "=" || kept !== "" ? before + kept : "";
  });
  if (rest === line) return [line];
  return /=\s*$/.test(rest) ? [] : [rest.replace("= ", "=")];
}

const indentOf = (line: string) => /^\s*/.exec(line)![0];

/** Makes what is left of a line of a script a statement again. */
function whole(rest: string): string {
  const kept = rest
    .replace(
      /\b(?:export|setenv|(?:declare|typeset|readonly|local)(?:\s+-\w+)*)\s*(?=$|;|&&|\|\|)/,
      ":",
    )
    .replace(/(^|\b(?:then|do|else)\s|[{(;]\s|&&|\|\|)\s*(?=;|&&|\|\||$)/g, "$1: ")
    .replace(/[ \t]{2,}/g, " ");
  return /^:?\s*$/.test(kept) ? nothing : kept;
}

const plain = (text: string) => text.trim().replace(/^(["'])(.*)\1$/, "$2");

/** fish writes characters of its variables as \x2e. */
const unescaped = (text: string) =>
  text.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

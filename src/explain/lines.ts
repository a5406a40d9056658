/** A line of a log, cleaned: no colours, no quote marks, no control characters. */
export interface Line {
  /** From 1, as an editor counts. */
  readonly number: number;
  readonly text: string;
}

/** Lines above this length are looked at in pieces that overlap. */
const pieceLength = 4096;
const overlap = 256;

/**
 * Text in pieces as lines, some at a time. Memory stays bounded even where a line never ends.
 */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<readonly Line[]> {
  let rest = "";
  let number = 1;
  for await (const piece of pieces) {
    const lines: Line[] = [];
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    for (const part of parts) {
      addLine(lines, part, number);
      number++;
    }
    // What is left of a line that has not ended yet: all but the end of it is looked at now.
    while (rest.length > 2 * pieceLength) {
      lines.push({ number, text: clean(rest.slice(0, pieceLength)) });
      rest = rest.slice(pieceLength - overlap);
    }
    yield lines;
  }
  const lines: Line[] = [];
  if (rest !== "") addLine(lines, rest, number);
  yield lines;
}

function addLine(lines: Line[], line: string, number: number): void {
  if (line.length <= pieceLength) {
    for (const text of split(line)) lines.push({ number, text: clean(text) });
    return;
  }
  for (let at = 0; at < line.length - overlap; at += pieceLength - overlap) {
    lines.push({ number, text: clean(line.slice(at, at + pieceLength)) });
  }
}

/** Progress bars overwrite their line, forum posts carry line breaks as HTML or as "\n". */
function split(line: string): string[] {
  if (!/[\r\\<]/.test(line)) return [line];
  return line.split(/\r(?!$)|<br ?\/?>|\\n(?=[A-Z[<> ])/);
}

const char = String.fromCharCode;
const esc = char(27);
const bell = char(7);
/** Colours, cursor moves, window titles. */
const escapes = new RegExp(
  `${esc}(?:\\[[0-9;?]{0,20}[ -/]?[@-~]|\\][^${bell}${esc}]{0,200}(?:${bell}|${esc}\\\\)|.)`,
  "g",
);
const range = (from: number, to: number) => `${char(from)}-${char(to)}`;
/** What a terminal must not be sent: control characters but tabs, and changes of direction. */
const controls = new RegExp(
  `[${range(0, 8)}${range(10, 31)}${range(127, 159)}\u202a-\u202e\u2066-\u2069]`,
  "g",
);
const quotes = /^(?:> ?){1,8}/;

function clean(text: string): string {
  let cleaned = text;
  if (cleaned.search(controls) >= 0) cleaned = cleaned.replace(escapes, "").replace(controls, "");
  if (cleaned.startsWith(">")) cleaned = cleaned.replace(quotes, "");
  return cleaned;
}

/** A line of a log, cleaned: no colours, no quote marks, no control characters. */
export interface Line {
  /** From 1, as an editor counts. */
  readonly number: number;
  readonly text: string;
}

/** Lines above this length are looked at in pieces that overlap. */
const pieceLength = 4096;
const overlap = 256;

/** Text in pieces as lines. Memory stays bounded even where a line never ends. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<Line> {
  let rest = "";
  let number = 1;
  for await (const piece of pieces) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    for (const part of parts) {
      yield* cut(part, number);
      number++;
    }
    while (rest.length > pieceLength) {
      yield { number, text: clean(rest.slice(0, pieceLength)) };
      rest = rest.slice(pieceLength - overlap);
    }
  }
  if (rest !== "") yield* cut(rest, number);
}

function* cut(line: string, number: number): Generator<Line> {
  if (line.length <= pieceLength) {
    for (const text of split(line)) yield { number, text: clean(text) };
    return;
  }
  for (let at = 0; at < line.length; at += pieceLength - overlap) {
    yield { number, text: clean(line.slice(at, at + pieceLength)) };
  }
}

/** Progress bars overwrite their line, forum posts carry line breaks as HTML or as "\n". */
function split(line: string): string[] {
  if (!/[\r\\<]/.test(line)) return [line];
  return line.split(/\r(?!$)|<br ?\/?>|\\n(?=[A-Z[<> ])/);
}

const esc = String.fromCharCode(27);
const bell = String.fromCharCode(7);
/** Colours, cursor moves, window titles. */
const escapes = new RegExp(
  `${esc}(?:\\[[0-9;?]{0,20}[ -/]?[@-~]|\\][^${bell}${esc}]{0,200}(?:${bell}|${esc}\\\\)|.)`,
  "g",
);
/** What a terminal must not be sent: control characters but tabs, and changes of direction. */
const controls = /(?!\t)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu;
const quotes = /^(?:> ?){1,8}/;

function clean(text: string): string {
  let cleaned = text;
  if (cleaned.includes(esc)) cleaned = cleaned.replace(escapes, "");
  return cleaned.replace(controls, "").replace(quotes, "").trimEnd();
}

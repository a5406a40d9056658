import { styleText } from "node:util";
import { type Host, machineHost } from "../host/index.ts";

/** One of the two streams that a command writes to. */
export interface Output {
  write(text: string): void;
  /** A person is looking, not a pipe or a file. */
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
  readonly columns: number;
}

/** Everything that a command may touch. Tests pass their own. */
export interface Io {
  readonly host: Host;
  /** Results. */
  readonly out: Output;
  /** Progress, notes and errors. */
  readonly err: Output;
}

/** The streams and the machine of this process. */
export function processIo(): Io {
  const host = machineHost();
  return {
    host,
    out: outputOf(process.stdout, host.env),
    err: outputOf(process.stderr, host.env),
  };
}

function outputOf(stream: NodeJS.WriteStream, env: Host["env"]): Output {
  const isTerminal = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    isTerminal,
    hasColor: wantsColor(isTerminal, env),
    columns: isTerminal ? stream.columns || 80 : 80,
  };
}

/** By https://no-color.org and https://force-color.org: set and not empty means yes. */
export function wantsColor(isTerminal: boolean, env: Host["env"]): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return isTerminal && env.TERM !== "dumb";
}

type Style = "bold" | "dim" | "red" | "yellow" | "green";

/** Text in a style where the output shows colours, else as it is. */
export function paint(output: Output, style: Style, text: string): string {
  return output.hasColor ? styleText(style, text, { validateStream: false }) : text;
}

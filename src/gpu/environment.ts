/** True in Node, false in browsers. */
export const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;

/** A variable of the process's environment; undefined where there is none, as in browsers. */
export function environment(name: string): string | undefined {
  return inNode ? process.env[name] : undefined;
}

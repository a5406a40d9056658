/** A path as one word of a shell script that is written. */
export const shellWord = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;

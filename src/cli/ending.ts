/** What commands return to the shell. */
export const exitCodes = { done: 0, found: 1, failed: 2, rolledBack: 3 } as const;

/**
 * Thrown by a command that has written all there is to say, to end with an exit code of its own.
 *
 * @example
 * if (report.findings.length > 0) throw new Ending("found");
 */
export class Ending {
  readonly code: number;

  constructor(how: keyof typeof exitCodes) {
    this.code = exitCodes[how];
  }
}

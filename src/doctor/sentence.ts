/**
 * A clause as a sentence. Names of files, facts and variables keep their spelling at its start.
 *
 * @example
 * sentence("the card is gone"); // "The card is gone."
 * sentence("libtorch_hip.so is empty"); // "libtorch_hip.so is empty."
 */
export function sentence(clause: string): string {
  const isWord = /^[a-z]+(?=[\s,]|$)/.test(clause);
  return `${isWord ? clause.charAt(0).toUpperCase() + clause.slice(1) : clause}.`;
}

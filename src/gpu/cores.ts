/** WebGPU does not tell the number of cores: known cards by name, first match first. */
const known: readonly (readonly [name: RegExp, cores: number])[] = [
  // AMD's specifications of the RDNA1 cards, in compute units.
  [/RX 5700 XT|Pro W5700/i, 40],
  [/RX 5[67]00|NAVI10/i, 36],
  [/RX 5500|RX 5300|Pro W?5500|NAVI14/i, 22],
  [/H100|H200/i, 132],
];

/** Close to a middling card: neither starves a large GPU nor cuts work too fine for a small one. */
const unknown = 48;

/** Compute units or streaming multiprocessors of an adapter, from its name. */
export function coresOf(name: string): number {
  return known.find(([pattern]) => pattern.test(name))?.[1] ?? unknown;
}

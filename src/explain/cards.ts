import { chipOf } from "../doctor/cards.ts";

/** AMD cards as logs name them, with the compute target that each truly has. First match counts. */
const cards: readonly (readonly [RegExp, string])[] = [
  [/\bRadeon Pro 5600M\b|\bPro V520\b|\bNavi ?12\b/i, "gfx1011"],
  [/\b(?:RX ?|Pro W)?5500(?: ?XT|M)\b|\bRX ?5[35]00\b|\bPro W5500\b|\bNavi ?14\b/i, "gfx1012"],
  [
    /(?<!Ryzen \d )\b5[67]00 ?XT\b|\bRX ?5[67]00(?:M| OEM)?\b|\bPro W5700\b|\bNavi ?10\b/i,
    "gfx1010",
  ],
  [/\bRX ?6[89][05]0(?: ?XT)?\b(?![MS])|\bPro W6800\b/i, "gfx1030"],
  [/\bRX ?67[05]0(?: ?XT)?\b|\bRX ?6800M\b/i, "gfx1031"],
  [/\bRX ?66[05]0(?: ?XT|M)?\b|\bRX ?6[78]00S\b/i, "gfx1032"],
  [/\bRX ?7900\b|\bPro W7900\b/i, "gfx1100"],
  [/\bRX ?7[78]00\b/i, "gfx1101"],
  [/\bRX ?7600\b/i, "gfx1102"],
  [/\bRX ?9060\b/i, "gfx1200"],
  [/\bRX ?9070\b/i, "gfx1201"],
  [/\bRadeon VII\b|\bMI[56]0\b/i, "gfx906"],
  [/\bMI2[15]0X?\b/i, "gfx90a"],
  [/\bRX ?(?:4[678]|5[789])0\b/i, "gfx803"],
];

/** The compute target of the card that a line names, if it names one. */
export function targetOfCard(line: string): string | undefined {
  // Most lines name none: one cheap look spares the table.
  if (!/\d{3}|Navi|MI\d|VII/i.test(line)) return undefined;
  const id = /\b(?:0x)?1002:(?:0x)?([0-9a-f]{4})\b/i.exec(line) ?? chipId.exec(line);
  return (id && chipOf(id[1]!)?.gfx) ?? cards.find(([name]) => name.test(line))?.[1];
}

const chipId = /\b(?:Chip|Device) ID\W{1,40}(?:\d{1,6}\()?0x([0-9a-f]{4})\b/i;

/** RX 5500, 5600, 5700 and their kin. */
export function isRdna1(target: string | undefined): boolean {
  return target !== undefined && /^gfx101[0-3]$/.test(target);
}

/** Graphics inside a processor, which programs sometimes take in place of the card. */
export function isIntegrated(target: string): boolean {
  return /^gfx(?:902|909|90c|1035|1036|1037|1103|1150|1151|1152|1153)$/.test(target);
}

/** "10.3.0" as the target that it stands for: "gfx1030"; undefined where it is no such version. */
export function targetOfVersion(version: string): string | undefined {
  const match = /^(\d{1,2})\.(\d)\.(\d{1,2})$/.exec(version);
  if (!match) return undefined;
  return `gfx${match[1]}${match[2]}${Number(match[3]).toString(16)}`;
}

/**
 * Whether two targets share all but their last digit: gfx1030 and gfx1032 run each other's code
 * as a rule, gfx1010 and gfx1030 do not.
 */
export function isSameGeneration(a: string, b: string): boolean {
  // Before RDNA the last digit stands for another chip altogether.
  if (/^gfx[789]/.test(a)) return a === b;
  return a.slice(0, -1) === b.slice(0, -1);
}

import type { Config, DeviceTraits } from "./kernel.ts";

/** How a workgroup shares out reductions: `parts` lanes work on each of `columns` results. */
export interface Lanes {
  readonly columns: number;
  readonly parts: number;
  /** The elements of one result lie side by side, and so do the lanes that read them. */
  readonly along: boolean;
}

/**
 * Ways to share out reductions of `count` loads each, best guess first: one wave, or four where a
 * lane of one wave would loop often. A few fixed shapes, so that many problems share a pipeline.
 */
export function laneConfigs(count: number, along: boolean, device: DeviceTraits): Config[] {
  // Across, 16 lanes side by side read whole cache lines.
  const wave = along ? { columns: 1, parts: 64 } : { columns: 16, parts: 4 };
  const waves = along ? { columns: 1, parts: 256 } : { columns: 16, parts: 16 };
  if (along && count <= 32) return [{ columns: 8, parts: 8 }];
  const ordered = count > 4 * wave.parts ? [waves, wave] : [wave, waves];
  return device.isSoftware ? ordered.slice(0, 1) : ordered;
}

export function lanesFit(config: Config, device: DeviceTraits): true | string {
  const threads = (config.columns as number) * (config.parts as number);
  const most = Math.min(device.maxComputeInvocationsPerWorkgroup, device.maxComputeWorkgroupSizeX);
  return threads <= most || `needs ${threads} lanes in a workgroup, the device has ${most}`;
}

/** WGSL statements that set `column` and `part` from `lane`. */
export function laneCode({ columns, parts, along }: Lanes): string {
  return along
    ? `  let column = lane / ${parts}u;\n  let part = lane % ${parts}u;`
    : `  let column = lane % ${columns}u;\n  let part = lane / ${columns}u;`;
}

/** The workgroup memory that functions made by `combineFunction` for the type `T` share. */
export function combineStorage({ columns, parts }: Lanes, T: string): string {
  return `var<workgroup> shares: array<${T}, ${columns * parts}>;\n`;
}

/**
 * WGSL `fn NAME(value: T, lane: u32, part: u32) -> T`: the values of all parts of a column
 * combined in a tree; every lane gets the result. Every lane of the workgroup must call it.
 */
export function combineFunction(
  name: string,
  { columns, parts, along }: Lanes,
  T: string,
  combine: (a: string, b: string) => string,
): string {
  const stride = along ? 1 : columns;
  return `fn ${name}(value: ${T}, lane: u32, part: u32) -> ${T} {
  shares[lane] = value;
  workgroupBarrier();
  for (var reach = ${Math.floor(parts / 2)}u; reach > 0u; reach /= 2u) {
    if (part < reach) {
      shares[lane] = ${combine("shares[lane]", `shares[lane + reach * ${stride}u]`)};
    }
    workgroupBarrier();
  }
  let result = shares[lane - part * ${stride}u];
  workgroupBarrier();
  return result;
}
`;
}

/** WGSL that combines the four components of the vector named `v`. */
export const foldVector = (v: string, combine: (a: string, b: string) => string): string =>
  combine(`(${combine(`${v}.x`, `${v}.y`)})`, `(${combine(`${v}.z`, `${v}.w`)})`);

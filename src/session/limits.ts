import { RekindleError } from "../errors.ts";
import type { DeviceTraits, Dispatch } from "../kernels/kernel.ts";

const fix = 'use smaller inputs or a smaller batch, or the CPU (device "cpu")';

/** Throws "device-limit", with both numbers, where a value does not fit one buffer. */
export function checkValue(what: string, bytes: number, device: DeviceTraits): void {
  const limit = device.maxStorageBufferBindingSize;
  if (bytes <= limit) return;
  throw new RekindleError(
    "device-limit",
    `${what} needs ${formatBytes(bytes)}, the device's buffers hold at most ${formatBytes(limit)}`,
    { fix },
  );
}

/** Throws "device-limit", with both numbers, where a dispatch has too many workgroups. */
export function checkDispatch(dispatch: Dispatch, node: string, device: DeviceTraits): void {
  const limit = device.maxComputeWorkgroupsPerDimension;
  const most = Math.max(...dispatch.workgroups);
  if (most <= limit) return;
  throw new RekindleError(
    "device-limit",
    `node "${node}" (${dispatch.label}) needs ${most} workgroups in a row, ` +
      `the device allows ${limit}`,
    { fix },
  );
}

/** "12.5 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

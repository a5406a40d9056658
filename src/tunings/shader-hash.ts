import type { BuildOptions, DeviceTraits, Program } from "../kernels/kernel.ts";

/** How programs are built for a device: emulated GPUs compile for long, so shaders are shared. */
export const buildOptions = (device: DeviceTraits): BuildOptions => ({
  specialize: !device.isSoftware,
  tailor: !device.isSoftware,
});

/**
 * A hash of all shaders of a program, 16 hexadecimal digits: to notice that they have changed, not
 * to defend against anybody. Two 32-bit FNV-1a hashes with different multipliers,
 * http://www.isthe.com/chongo/tech/comp/fnv/.
 */
export function shaderHash({ dispatches }: Program): string {
  let [a, b] = [0x811c9dc5, 0xcbf29ce4];
  for (const { wgsl } of dispatches) {
    for (let i = 0; i < wgsl.length; i++) {
      const unit = wgsl.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x010001b3);
    }
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

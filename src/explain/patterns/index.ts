import type { Pattern } from "../pattern.ts";
import * as access from "./access.ts";
import * as build from "./build.ts";
import * as exhaustion from "./exhaustion.ts";
import * as hangs from "./hangs.ts";
import * as harmless from "./harmless.ts";
import * as hipblaslt from "./hipblaslt.ts";
import * as loader from "./loader.ts";
import * as memory from "./memory.ts";
import * as miopen from "./miopen.ts";
import * as miopenWarnings from "./miopen-warnings.ts";
import * as nvidia from "./nvidia.ts";
import * as override from "./override.ts";
import * as rocblas from "./rocblas.ts";
import * as runtime from "./runtime.ts";
import * as tails from "./tails.ts";
import * as torch from "./torch.ts";
import * as vulkan from "./vulkan.ts";
import * as windows from "./windows.ts";

/** What messages are about, as `rekindle explain --list` groups them. */
const families = {
  "GPU code": { ...loader },
  override: { override: override.override },
  "memory faults": { ...memory },
  "hangs and resets": { ...hangs },
  rocBLAS: { ...rocblas },
  hipBLASLt: { ...hipblaslt },
  MIOpen: { ...miopen, ...miopenWarnings },
  builds: { ...build },
  "out of memory": { ...exhaustion },
  "kernel and runtime": { ...runtime },
  "access to the card": { ...access },
  "closing lines": { ...tails },
  "harmless warnings": { ...harmless },
  NVIDIA: { ...nvidia },
  "Vulkan and WebGPU": { ...vulkan },
  Windows: { ...windows },
  "use of PyTorch": { ...torch },
} as const satisfies Record<string, Record<string, Pattern>>;

/** Every pattern with its family. */
export const patterns: readonly (Pattern & { readonly family: string })[] = Object.entries(
  families,
).flatMap(([family, members]) =>
  Object.values<Pattern>(members).map((pattern) => ({ ...pattern, family })),
);

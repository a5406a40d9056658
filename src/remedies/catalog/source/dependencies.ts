import type { Need } from "../../step.ts";

/** Parts of ROCm that PyTorch is compiled against, by a file of each. */
const parts: readonly (readonly [file: string, part: string])[] = [
  ["bin/hipcc", "hipcc"],
  ["include/hip/hip_runtime.h", "hip-dev"],
  ["include/miopen/miopen.h", "miopen-hip-dev"],
  ["include/rocblas/rocblas.h", "rocblas-dev"],
  ["include/hipblas/hipblas.h", "hipblas-dev"],
  ["include/hipfft/hipfft.h", "hipfft-dev"],
  ["include/hiprand/hiprand.h", "hiprand-dev"],
  ["include/hipsparse/hipsparse.h", "hipsparse-dev"],
  ["include/hipsolver/hipsolver.h", "hipsolver-dev"],
  ["include/hipcub/hipcub.hpp", "hipcub-dev"],
  ["include/thrust/version.h", "rocthrust-dev"],
  ["include/rocprim/rocprim.hpp", "rocprim-dev"],
];

/** What has to be on the machine before hours are spent. */
export function buildNeeds(rocm: string): Need[] {
  const tool = (program: string, name: string): Need => ({
    program,
    install: `install the package ${name}`,
  });
  return [
    tool("git", "git"),
    tool("c++", "build-essential (Debian), gcc-c++ (Fedora), base-devel (Arch)"),
    ...parts.map(
      ([file, part]): Need => ({
        check: { exists: `${rocm}/${file}` },
        otherwise:
          `install ${part}, or all of ROCm from AMD's repository (package rocm), without its ` +
          "kernel driver; --set rocm=FOLDER names another place",
      }),
    ),
  ];
}

import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../sources.ts";
import { git } from "./loopback.ts";

/* What the source build is made from in tests: fixtures/mini-torch as repositories, and a ROCm. */

/** The project as a repository, with its kernels as another that it contains. */
export function makeRepositories(folder: string, url: string): string {
  const projects = join(root, "fixtures/mini-torch");
  const kernels = join(folder, "git/kernels.git");
  const torch = join(folder, "git/torch.git");
  cpSync(join(projects, "kernels"), kernels, { recursive: true });
  commitAll(kernels);
  cpSync(projects, torch, { recursive: true, filter: (path) => !path.endsWith("/kernels") });
  git(torch, "init", "--quiet", "--initial-branch=main");
  const place = "third_party/composable_kernel";
  git(torch, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", kernels, place);
  // The server answers from this process, which waits for git here.
  git(torch, "config", "--file=.gitmodules", `submodule.${place}.url`, `${url}/git/kernels.git`);
  commitAll(torch);
  git(torch, "tag", "v1");
  return git(torch, "rev-parse", "HEAD");
}

function commitAll(folder: string) {
  git(folder, "init", "--quiet", "--initial-branch=main");
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--message=sources");
}

/** As much of ROCm as the build asks for, around LLVM's own compiler. */
export function makeRocm(folder: string, llvm: string): string {
  const files: Record<string, string> = {
    ".info/version": "7.2.0-43\n",
    "bin/hipcc": `#!/bin/sh
exec "\${HIP_CLANG_PATH:-$ROCM_PATH/llvm/bin}/clang++" -x hip -nogpuinc -nogpulib "$@"
`,
    "llvm/bin/clang": `#!/bin/sh\nexec ${llvm}/clang "$@"\n`,
    "llvm/bin/clang++": `#!/bin/sh\nexec ${llvm}/clang++ "$@"\n`,
    "lib/rocblas/library/TensileLibrary_lazy_gfx1010.dat": "",
  };
  const headers =
    "hip/hip_runtime miopen/miopen rocblas/rocblas hipblas/hipblas hipfft/hipfft hiprand/hiprand " +
    "hipsparse/hipsparse hipsolver/hipsolver thrust/version";
  for (const name of headers.split(" ")) files[`include/${name}.h`] = "";
  for (const name of ["hipcub/hipcub", "rocprim/rocprim"]) files[`include/${name}.hpp`] = "";
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    if (text.startsWith("#!")) chmodSync(join(folder, path), 0o755);
  }
  return folder;
}

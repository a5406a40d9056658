import type { Host } from "../../../host/index.ts";

/** A compiler on PyTorch's largest files, by our estimate; and one whose work is done elsewhere. */
const bytesPerJob = { here: 4e9, elsewhere: 1e9 };

/**
 * How many files to compile at once: one for each processor that memory suffices for. Where the
 * work is spread over machines, four for each processor.
 */
export async function jobCount(host: Host, isSpread: boolean): Promise<number> {
  const { memoryBytes } = await host.system();
  const processors = Number((await host.run("nproc", [])).out) || 1;
  const each = isSpread ? bytesPerJob.elsewhere : bytesPerJob.here;
  const wanted = isSpread ? 4 * processors : processors;
  return Math.max(1, Math.min(wanted, Math.floor(memoryBytes / each)));
}

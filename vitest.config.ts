import { defineConfig, type ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Vitest begins with the longest text. Networks are short ones that take long: they go first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /\/models-f\d+\.gpu/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// Forks, not threads: Vulkan drivers read the process's environment. At most two of them: software
// Vulkan spreads each over all cores by itself.
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // What somebody has tuned on this machine must not change what is tested.
    env: { REKINDLE_TUNINGS: "off" },
    // Against what hangs: a machine that is busy with other work may take ten times as long as one
    // that is not, and software Vulkan its time to let go of hundreds of compiled shaders.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 180_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      project("plain", {
        // Half of what these take is to load the same modules, for each file in a new process.
        isolate: false,
        include: ["src/**/*.test.ts", "test/**/*.test.ts"],
        exclude: ["**/*.{gpu,conformance,browser,llvm,navi10,torch}.test.ts", "node_modules/**"],
      }),
      project("gpu", { include: ["src/**/*.gpu.test.ts", "test/**/*.gpu.test.ts"] }),
      project("conformance", { include: ["test/**/*.conformance.test.ts"] }),
      project("browser", { include: ["test/**/*.browser.test.ts"] }),
      project("navi10", { include: ["test/**/*.navi10.test.ts"] }),
      project("inspect", { include: ["test/**/*.llvm.test.ts"] }),
      project("torch", { include: ["test/**/*.torch.test.ts"] }),
    ],
  },
});

function project(name: string, test: NonNullable<ViteUserConfig["test"]>) {
  return { extends: true as const, test: { name, ...test } };
}

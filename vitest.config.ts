import { defineConfig } from "vitest/config";

// Software Vulkan takes its time to let go of hundreds of compiled shaders, too.
const slow = { testTimeout: 120_000, hookTimeout: 120_000, teardownTimeout: 120_000 };

// Forks, not threads: Vulkan drivers read the process's environment. At most two of them: software
// Vulkan spreads each over all cores by itself.
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // What somebody has tuned on this machine must not change what is tested.
    env: { REKINDLE_TUNINGS: "off" },
    projects: [
      {
        extends: true,
        test: {
          name: "plain",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.{gpu,conformance,browser,llvm,navi10}.test.ts", "node_modules/**"],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "gpu",
          include: ["src/**/*.gpu.test.ts", "test/**/*.gpu.test.ts"],
          ...slow,
        },
      },
      {
        extends: true,
        test: { name: "conformance", include: ["test/**/*.conformance.test.ts"], ...slow },
      },
      { extends: true, test: { name: "browser", include: ["test/**/*.browser.test.ts"], ...slow } },
      { extends: true, test: { name: "navi10", include: ["test/**/*.navi10.test.ts"], ...slow } },
      { extends: true, test: { name: "inspect", include: ["test/**/*.llvm.test.ts"], ...slow } },
    ],
  },
});

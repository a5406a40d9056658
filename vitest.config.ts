import { defineConfig } from "vitest/config";

// Forks, not threads: Vulkan drivers read the process's environment.
export default defineConfig({
  test: {
    pool: "forks",
    projects: [
      {
        extends: true,
        test: {
          name: "plain",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.gpu.test.ts", "node_modules/**"],
        },
      },
      {
        extends: true,
        test: {
          name: "gpu",
          include: ["src/**/*.gpu.test.ts", "test/**/*.gpu.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

// Tests run as they ship: compiled, from dist. `forks`, because a thread that holds a zeromq socket takes the process along.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["dist/test/**/*.test.js"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["dot", "./dist/test/tally.js"],
  },
});

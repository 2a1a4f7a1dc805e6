// `iterant eval` on runs that are there.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { Evaluation } from "../../actors/index.ts";
import { makeRunsFolder, runCli } from "./cli.ts";

const recording = fileURLToPath(new URL("../../../test/fixtures/recording-of-version-1", import.meta.url));
const runs = makeRunsFolder();
afterAll(runs.remove);

test("a run of an older version is evaluated: what it did not know yet has its default", async () => {
  const old = JSON.parse(readFileSync(join(recording, "config.json"), "utf8"));
  expect(old.engine).not.toHaveProperty("prefixMegabytes");
  mkdirSync(join(runs.path, "old"));
  writeFileSync(join(runs.path, "old", "config.json"), JSON.stringify({ ...old, model: "tiny" }));
  const { code, stdout, stderr } = await runCli(
    ["eval", "old", "--count", "3", "--samples", "1", "--steps", "0", "--json"],
    { env: { ITERANT_RUNS: runs.path } },
  );
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout) as Evaluation).toMatchObject({ problemCount: 3, chainCount: 3, failures: {} });
});

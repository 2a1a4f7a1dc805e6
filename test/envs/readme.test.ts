// The README of the worlds keeps its word: its example is the code that runs, and its list is what is there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readme = readFileSync(join(root, "envs/README.md"), "utf8");

test("the example is the world that the conformance suite runs, to the letter", () => {
  const [, example] = readme.match(/```ts\n(import[\s\S]*?)```/)!;
  const world = readFileSync(join(root, "test/envs/fixtures/guess-the-number.ts"), "utf8");
  expect(example!.replace('"iterant/envs"', '"../../../envs/index.ts"')).toBe(world);
});

test("every file is in the reading list, and every file of the list is there", () => {
  const table = readme.slice(readme.indexOf("| file |"), readme.indexOf("## What holds"));
  const named = [...table.matchAll(/`([\w/-]+\.ts)`/g)].map(([, name]) => name!);
  const entries = readdirSync(join(root, "envs"), { withFileTypes: true });
  const folders = ["", ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`)];
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, "envs", folder))
      .filter((name) => name.endsWith(".ts") && name !== "index.ts")
      .map((name) => `${folder}${name}`),
  );
  const isThere = (name: string) => folders.some((folder) => existsSync(join(root, "envs", folder, name)));
  expect(named.filter((name) => !isThere(name))).toEqual([]);
  expect(found.filter((path) => !named.includes(basename(path)))).toEqual([]);
});

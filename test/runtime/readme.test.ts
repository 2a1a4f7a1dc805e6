// The pages of the runtime keep their word: their example runs, their lists are what is there, their tables are the code's.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kinds } from "../../runtime/envelope.ts";
import { errorCodes } from "../../runtime/index.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readme = readFileSync(join(root, "runtime/README.md"), "utf8");
const protocol = readFileSync(join(root, "runtime/PROTOCOL.md"), "utf8");
const section = (page: string, title: string) => page.split(/^## /m).find((part) => part.startsWith(`${title}\n`))!;

describe("README.md", () => {
  test("shows an example that runs and prints what it says", () => {
    const [, counter, main] = readme.match(/```ts\n\/\/ counter\.ts[^\n]*\n([\s\S]*?)\/\/ main\.ts\n([\s\S]*?)```/)!;
    const folder = mkdtempSync(join(root, "dist/test/readme-")); // inside, so that it finds the package by its name
    try {
      // What Node 20 does not read as it stands: types, `await using`, the name of a source file.
      writeFileSync(join(folder, "counter.mjs"), counter!.replaceAll(": number", ""));
      const program = main!
        .replace("./counter.ts", "./counter.mjs")
        .replace("await using node", "const node")
        .replace(/^(await counter.*);( +\/\/ 2)$/m, "console.log($1);$2");
      writeFileSync(join(folder, "main.mjs"), `${program}\nawait node.stop();\n`);
      const limits = { encoding: "utf8", timeout: 60_000 } as const;
      expect(execFileSync(process.execPath, [join(folder, "main.mjs")], limits)).toBe("2\n1\n2\n3\n");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("names every file of the room, and none besides", () => {
    const named = [...section(readme, "Reading order").matchAll(/`([\w-]+\.ts)`/g)].map(([, name]) => name);
    const found = readdirSync(join(root, "runtime")).filter((name) => name.endsWith(".ts") && name !== "index.ts");
    expect(named.sort()).toEqual(found.sort());
  });

  test("names a test that is there beside each promise", () => {
    const promises = section(readme, "What holds").split("\n- ").slice(1);
    expect(promises.length).toBeGreaterThan(10);
    for (const promise of promises) {
      const tests = [...promise.match(/\(([^()]*)\)\.\s*$/)![1]!.matchAll(/`([\w/-]+)`/g)].map(([, name]) => name!);
      expect(tests, promise).not.toEqual([]);
      const pathOf = (name: string) => join(root, name.includes("/") ? "" : "test/runtime", `${name}.test.ts`);
      expect(tests.filter((name) => !existsSync(pathOf(name)))).toEqual([]);
    }
  });
});

describe("PROTOCOL.md", () => {
  test("lists every error code in the order of the code, and none besides", () => {
    const listed = [...section(protocol, "Error codes").matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
    expect(listed).toEqual([...errorCodes]);
  });

  test("lists every kind under its number", () => {
    const rows = [...section(protocol, "A message").matchAll(/^\| (\d+ \w+(?:, \d+ \w+)?) \|/gm)].flatMap(([, cell]) =>
      cell!.split(", "),
    );
    expect(rows).toEqual(Object.entries(kinds).map(([name, number]) => `${number} ${name}`));
  });
});

// The house plan as a test: who may import whom, and one door for each third-party package.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const rooms = ["runtime", "envs", "actors", "tools", "test"];

/** Room → rooms it may import. A room is entered through its index only; nobody imports tools or test. */
const arrows: Record<string, string[]> = {
  runtime: [],
  envs: [],
  actors: ["runtime", "envs"],
  tools: ["runtime", "envs", "actors"],
  test: ["runtime", "envs", "actors", "tools"],
};

/** Package → the files or folders that may import it. */
const doors: Record<string, string[]> = {
  zeromq: ["runtime/socket.ts", "tools/bench/raw-zeromq.ts"], // a floor measured through ours would be no floor
  comlink: ["runtime/thread.ts"],
  piscina: ["runtime/pool.ts"],
  msgpackr: ["runtime/codec.ts"],
  execa: ["runtime/process.ts"],
  "pure-rand": ["actors/random.ts"],
  hyparquet: ["envs/math/rows.ts"],
  "hyparquet-compressors": ["envs/math/rows.ts"],
  commander: ["tools/"],
  yaml: ["tools/"],
  zod: ["tools/", "actors/config.ts"],
  vitest: ["test/"],
  ws: ["envs/adapters/openenv-connection.ts", "tools/serve/", "test/"],
  "fast-check": ["test/"],
  "node-pty": ["envs/terminal/pty.ts", "test/"],
  "@xterm/headless": ["tools/replay/screen.ts", "test/"],
  "playwright-core": ["test/"],
};

interface Import {
  file: string;
  specifier: string;
}

/** Every violation in a list of imports, one sentence each. */
function violations(imports: Import[]): string[] {
  return imports.flatMap(({ file, specifier }) => {
    const room = file.split("/")[0]!;
    if (specifier.startsWith(".")) {
      const target = posix.normalize(posix.join(dirname(file), specifier));
      const targetRoom = target.split("/")[0]!;
      if (targetRoom === room) return [];
      if (!arrows[room]?.includes(targetRoom)) return [`${file} imports ${target}: ${room} may not know ${targetRoom}`];
      if (room !== "test" && target !== `${targetRoom}/index.ts`) {
        return [`${file} imports ${target}: ${targetRoom} is entered through its index`];
      }
      return [];
    }
    if (specifier.startsWith("node:")) return [];
    if (builtinModules.includes(specifier)) return [`${file} imports ${specifier} without node:`];
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    const allowed = doors[name];
    if (!allowed) return [`${file} imports ${name}: a package without a door`];
    return allowed.some((door) => file === door || (door.endsWith("/") && file.startsWith(door)))
      ? []
      : [`${file} imports ${name}: its door is ${allowed.join(", ")}`];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const pattern = /^\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|import\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map((match) => ({ file, specifier: (match[1] ?? match[2] ?? match[3])! }));
}

function sourceFiles(): string[] {
  return rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => relative(root, resolve(root, room, name))),
  );
}

test("every import follows the drawing and uses the door of its package", () => {
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(2);
  expect(violations(files.flatMap(importsOf))).toEqual([]);
});

test("a planted violation of each kind is reported", () => {
  const planted: Import[] = [
    { file: "runtime/node.ts", specifier: "../actors/index.ts" },
    { file: "envs/math/index.ts", specifier: "../../runtime/index.ts" },
    { file: "actors/group.ts", specifier: "../envs/math/task.ts" },
    { file: "actors/group.ts", specifier: "zeromq" },
    { file: "runtime/node.ts", specifier: "left-pad" },
    { file: "runtime/node.ts", specifier: "fs" },
  ];
  expect(violations(planted)).toEqual([
    "runtime/node.ts imports actors/index.ts: runtime may not know actors",
    "envs/math/index.ts imports runtime/index.ts: envs may not know runtime",
    "actors/group.ts imports envs/math/task.ts: envs is entered through its index",
    "actors/group.ts imports zeromq: its door is runtime/socket.ts, tools/bench/raw-zeromq.ts",
    "runtime/node.ts imports left-pad: a package without a door",
    "runtime/node.ts imports fs without node:",
  ]);
});

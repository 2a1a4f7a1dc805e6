// Data sets from a hub: fetched once, whole or not at all. The hub is a server of our own on loopback.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hubFiles, loadMathTasks } from "../../envs/index.ts";

const amc = readFileSync(fileURLToPath(new URL("../../../test/envs/fixtures/amc.parquet", import.meta.url)));
const split = { id: "AI-MO/aimo-validation-amc", config: "default", split: "train" };

let server: Server;
let folder: string;
let asked: string[];
let answers: Record<string, { status?: number; body: string | Buffer; cut?: boolean }>;
let env: Record<string, string>;

beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), "iterant-hub-"));
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ""}`.trim());
    const { status = 200, body, cut } = answers[request.url!] ?? { status: 404, body: "" };
    response.writeHead(status, cut ? { "content-length": body.length * 2 } : {});
    if (cut) response.write(body, () => response.destroy());
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  env = { HF_ENDPOINT: endpoint };
  answers = {
    "/api/datasets/AI-MO/aimo-validation-amc/parquet/default/train": {
      body: JSON.stringify([`${endpoint}/0.parquet`]),
    },
    "/0.parquet": { body: amc },
  };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const messageOf = (fetching: Promise<unknown>) => fetching.then(String, (error: Error) => error.message);

test("a split is fetched once, with the token, and is a file from then on", async () => {
  env.HF_TOKEN = "secret";
  const [file] = await hubFiles(split, { folder, env });
  expect(readFileSync(file!)).toEqual(amc);
  expect(asked).toEqual([
    "/api/datasets/AI-MO/aimo-validation-amc/parquet/default/train Bearer secret",
    "/0.parquet Bearer secret",
  ]);
  env.HF_HUB_OFFLINE = "1";
  expect(await hubFiles(split, { folder, env })).toEqual([file]);
  expect(asked).toHaveLength(2);
});

test("problems are loaded from it by the set's name, and counted", async () => {
  expect(await messageOf(loadMathTasks("amc-12", { hub: { folder, env } }))).toMatch(
    /^bad_data: 3 rows, but amc-12 has 83 - /,
  );
});

test("a transfer that breaks off leaves nothing that could be taken for the set", async () => {
  answers["/0.parquet"] = { body: amc, cut: true };
  expect(await messageOf(hubFiles(split, { folder, env }))).not.toContain(folder);
  expect(readdirSync(join(folder, "AI-MO", "aimo-validation-amc", "default"))).toEqual([]);
});

test("a hub that is not there, refuses, or has no such split is named with the way around it", async () => {
  expect(await messageOf(hubFiles({ ...split, split: "dev" }, { folder, env }))).toMatch(
    /^bad_data: the hub answered 404 - AI-MO\/aimo-validation-amc, default, dev, http.* - fetch the file yourself and name it: NAME=FILE$/,
  );
  answers["/0.parquet"] = { status: 403, body: "" };
  expect(await messageOf(hubFiles(split, { folder, env }))).toContain(
    "403 - AI-MO/aimo-validation-amc, default, train",
  );
  expect(await messageOf(hubFiles(split, { folder, env }))).toContain("set HF_TOKEN, accept its terms, or fetch");
  const nowhere = { HF_ENDPOINT: "http://127.0.0.1:9" };
  expect(await messageOf(hubFiles(split, { folder, env: nowhere }))).toMatch(/^bad_data: the hub cannot be reached: /);
  expect(await messageOf(hubFiles(split, { folder, env: { HF_HUB_OFFLINE: "1" } }))).toMatch(
    /^bad_data: not on this machine, and HF_HUB_OFFLINE is 1 - /,
  );
});

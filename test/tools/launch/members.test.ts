// Further nodes, real ones: processes of this host, and the same over a real sshd. They join, they end, they are lost.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeKeys, Node, type NodeOptions, Program } from "../../../runtime/index.ts";
import { installationFolder, type Place, startMembers } from "../../../tools/launch/members.ts";
import { CounterActor } from "../../fixtures/counter.ts";
import { survivors } from "../cli.ts";
import { lacksSshd, type Sshd, startSshd } from "./sshd.ts";

const local: Place = { kind: "local" };
const quick = { everyMs: 100, suspectMs: 400, deadMs: 1500 };

let head: Node;
let publicKey: string;
let lines: string[];
let members: { close(): Promise<void> } | undefined;

async function startHead(options: NodeOptions = {}): Promise<void> {
  const keys = makeKeys();
  publicKey = keys.publicKey;
  lines = [];
  head = await Node.start({ name: "head", keys, listen: "tcp://127.0.0.1:*", ...options });
}

async function start(...places: Place[]): Promise<void> {
  members = await startMembers(head, publicKey, places, (line) => lines.push(line));
}

const failure = (...places: Place[]): Promise<string> =>
  start(...places).then(
    () => "they joined",
    (error: Error) => error.message,
  );

const pidOf = async (node: string) => (await head.control(node).info()).pid;
const expectGone = (pids: number[]) => expect.poll(() => survivors(pids), { timeout: 30_000 }).toEqual([]);

afterEach(async () => {
  await members?.close();
  members = undefined;
  await head.stop();
});

/** The pids of a member and of an actor's process on it, after their launcher has been killed. */
async function pidsOfKilledLaunch(place: Place): Promise<number[]> {
  const launcher = fileURLToPath(new URL("./launcher.js", import.meta.url));
  const child = spawn(process.execPath, [launcher, JSON.stringify(place)], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout! }).once("line", resolve));
  const ended = new Promise((resolve) => child.on("close", resolve));
  const pids = JSON.parse(line) as number[];
  expect(survivors(pids)).toEqual(pids);
  child.kill("SIGKILL");
  await ended;
  return pids;
}

describe("members on this host", () => {
  beforeEach(() => startHead());

  test("join under names of their own, host actors, and are gone after close", async () => {
    await start(local, local);
    const joined = head.nodes().map(({ name, labels }) => [name, labels.environments]);
    expect(joined.sort()).toEqual([
      ["head", undefined],
      ["node-b", "yes"],
      ["node-c", "yes"],
    ]);
    const counter = await head.spawn(CounterActor, [1], { node: "node-c", placement: "process" });
    expect(await counter.add(1)).toBe(2);
    const pids = [await pidOf("node-b"), await pidOf("node-c")];
    await members!.close();
    expect(survivors(pids)).toEqual([]);
    expect(lines).toContain("node-b: node-b has joined head");
    expect(lines).toContain("node-c: the launcher has ended");
  });

  test("one that is killed loses its actors to another place, where they live again", async () => {
    await start(local);
    const program = new Program();
    const counter = program.add(CounterActor, [5], { name: "counter", prefers: "environments" });
    const live = await program.launch(head);
    expect(await counter.add(1)).toBe(6);
    process.kill(await pidOf("node-b"), "SIGKILL");
    await expect.poll(() => counter.get().catch(() => "lost"), { timeout: 30_000 }).toBe(5);
    expect((await head.control().actors()).map(({ address }) => address)).toEqual(["counter@head"]);
    await live.stop();
  });

  test("end when their launcher is killed, with all that runs on them", async () => {
    await expectGone(await pidsOfKilledLaunch(local));
  });
});

describe("a member that freezes for too long", () => {
  test("is given up, and ends when it wakes up and hears of it", async () => {
    await startHead({ heartbeat: quick });
    await start(local);
    const pid = await pidOf("node-b");
    const counter = await head.spawn(CounterActor, [], { node: "node-b" });
    const lost: string[] = [];
    head.onNodeDown((node, reason) => lost.push(`${node}: ${reason}`));
    const departure = head.departure("node-b");
    process.kill(pid, "SIGSTOP");
    const call = expect(counter.with({ deadlineMs: null }).waitForever()).rejects.toThrow(
      /^node_down: .*silent for \d s/,
    );
    await departure;
    await call;
    process.kill(pid, "SIGCONT");
    await expectGone([pid]);
    expect(lines.find((line) => line.includes("lost the head"))).toBe(
      "node-b: lost the head: head began anew, or had given us up",
    );
    expect(lost).toEqual([expect.stringMatching(/^node-b: node-b has been silent for \d s$/)]);
  });
});

describe("members over ssh", () => {
  let sshd: Sshd;
  const place = (more: Partial<Extract<Place, { kind: "ssh" }>> = {}): Place => ({
    kind: "ssh",
    host: "127.0.0.1",
    folder: installationFolder,
    sshOptions: sshd.sshOptions,
    ...more,
  });
  beforeAll(async () => {
    if (!lacksSshd) sshd = await startSshd();
  });
  afterAll(() => sshd?.close());
  beforeEach(async (context) => {
    await startHead();
    context.skip(lacksSshd !== undefined, lacksSshd);
  });

  test("join over tcp with keys of their own, and host actors", async () => {
    await start(place());
    const member = head.nodes().find(({ name }) => name === "node-b")!;
    expect(member.publicKey).toMatch(/^.{40}$/);
    const counter = await head.spawn(CounterActor, [1], { node: "node-b", placement: "process" });
    expect(await counter.add(1)).toBe(2);
    const pid = await pidOf("node-b");
    await members!.close();
    await expectGone([pid]);
  });

  test("end when their launcher is killed", async () => {
    await expectGone(await pidsOfKilledLaunch(place()));
  });

  test("on a host that cannot be reached: says what ssh said and what to try, and stops those that joined", async () => {
    const message = await failure(local, place({ sshOptions: [...sshd.sshOptions.slice(0, 2), "-o", "Port=1"] }));
    expect(message).toMatch(
      /^node-c on 127\.0\.0\.1 ended before it joined: exit code 255; it said last:\nssh: connect to host 127\.0\.0\.1 port 1: Connection refused/,
    );
    expect(message).toContain(
      `Try: ssh 127.0.0.1 node --version; Iterant must lie built at ${installationFolder} there.`,
    );
    await expect.poll(() => head.nodes().map(({ name }) => name)).toEqual(["head"]);
  });

  test("on a host whose key is not known: says so instead of asking", async () => {
    expect(await failure(place({ sshOptions: sshd.strangerOptions }))).toMatch(/Host key verification failed\./);
  });

  test("where Iterant does not lie: says which folder was looked for", async () => {
    const message = await failure(place({ folder: "/no/such folder" }));
    expect(message).toMatch(/ended before it joined: exit code \d+; it said last:\n.*\/no\/such folder: No such file/);
    expect(message).toContain("Iterant must lie built at /no/such folder there.");
  });
});

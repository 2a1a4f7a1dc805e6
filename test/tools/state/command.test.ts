// `iterant state` on a live run: rows of each kind, filters, one by name, and what is wrong with a question.
import { afterAll, beforeAll, expect, test } from "vitest";
import { NeverYieldsActor, TakesOneAtATimeActor } from "../../fixtures/conduct.ts";
import { CounterActor } from "../../fixtures/counter.ts";
import { iterant, type LiveRun, startRun } from "../attach/live-run.ts";

let run: LiveRun;

beforeAll(async () => {
  run = await startRun();
  const counter = await run.node.spawn(CounterActor, [3], { name: "counter-1" });
  await counter.add(4);
  await run.node.spawn(CounterActor, [3], { name: "counter-2", placement: "thread" });
  const stuck = await run.node.spawn(NeverYieldsActor, [], { name: "stuck-1", placement: "thread" });
  const slow = await run.node.spawn(TakesOneAtATimeActor, [], { name: "slow-1" });
  for (const call of [stuck.with({ deadlineMs: null }).spin(), slow.with({ deadlineMs: null }).hold()]) {
    call.catch(() => {}); // they end with their node
  }
});
afterAll(() => run.end());

const state = (...args: string[]) => iterant(run, ["state", ...args]);
const json = async (...args: string[]) => JSON.parse((await state(...args, "--json")).stdout);

test("actors are listed as a table, an actor that does not answer among them", async () => {
  const { stdout, exitCode } = await state("list", "actors");
  expect(exitCode).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^name +node +class +placement +state +mailbox +running +handled +failed +restarts$/);
  expect(lines[1]).toMatch(/^counter-1 +node-a +Counter +shared +up +0 +0 +1 +0 +0$/);
  expect(lines[3]).toMatch(/^stuck-1 +node-a +NeverYields +thread +no answer +\? +\? +\? +\? +0$/);
});

test("conditions on any column must all hold; a limit says how many more there are", async () => {
  const { actors, total } = await json("list", "actors", "--filter", "class=Counter", "--filter", "handled<1");
  expect(actors.map(({ name }: { name: string }) => name)).toEqual(["counter-2"]);
  expect(total).toBe(1);
  expect((await json("list", "actors", "--filter", "placement!=thread")).total).toBe(2);
  expect((await state("list", "actors", "--limit", "1")).stdout).toMatch(/\nand 3 more: raise --limit\n$/);
  expect((await state("list", "actors", "--filter", "name=nobody")).stdout).toBe("no actors\n");
});

test("calls on their way, nodes and hosts", async () => {
  const { calls } = await json("list", "calls");
  expect(calls.map(({ actor, method }: { actor: string; method: string }) => `${actor} ${method}`).sort()).toEqual([
    "slow-1 hold",
    "stuck-1 spin",
  ]);
  expect((await json("list", "nodes")).nodes).toMatchObject([
    { name: "node-a", pid: process.pid, state: "up", actors: 4, rss_mb: expect.any(Number) },
  ]);
  const { hosts } = await json("list", "hosts");
  expect(hosts.map(({ placement, actors }: Record<string, unknown>) => [placement, actors])).toEqual([
    ["shared", 2],
    ["thread", 1],
    ["thread", 1],
  ]);
  expect(hosts[2]).toMatchObject({ running: null });
});

test("one by name has every column, and a summary counts", async () => {
  expect((await state("get", "actors", "counter-1")).stdout).toMatch(/^ {2}name +counter-1\n(.|\n)* {2}handled +1\n/);
  expect(await json("summary")).toMatchObject({
    nodes: { up: 1 },
    actors: { up: 3, "no answer": 1 },
    placements: { shared: 2, thread: 2 },
    calls: { hold: 1, spin: 1 },
  });
  expect((await state("summary")).stdout).toMatch(/^ {2}nodes +1 up\n {2}actors +3 up, 1 no answer\n/);
});

test("what there is not is refused with what there is", async () => {
  const refusal = async (...args: string[]) => {
    const { stderr, exitCode } = await state(...args);
    return `${exitCode} ${stderr}`;
  };
  expect(await refusal("get", "actors", "counter-9")).toMatch(
    /^2 .*no counter-9 among the actors\. There are: counter-1, counter-2, /,
  );
  expect(await refusal("list", "actors", "--filter", "nam=x")).toMatch(/^2 .*no column nam\. Did you mean name\?/);
  expect(await refusal("list", "actors", "--filter", "name")).toMatch(/^2 .*write column=value, column!=value/);
  expect(await refusal("list", "actors", "--filter", "handled>many")).toMatch(/^2 .*many is no number/);
  expect(await refusal("list", "things")).toMatch(/^2 .*Allowed choices are nodes, hosts, actors, calls/);
  expect(await refusal("summary", "no-run")).toMatch(/^2 .*no run 'no-run'/);
});

// Facts in, one word out: a table of what a launcher may have seen.
import { expect, test } from "vitest";
import { judge, type LaunchFacts } from "../../../envs/sandbox/verdict.ts";

const quiet: LaunchFacts = {
  cut: null,
  hasRun: true,
  reports: ['{"running": true}'],
  wallMs: 10,
  cpuMs: 20,
  peakBytes: null,
  isWorkspaceFull: false,
  oomKillCount: 0,
  refusedForkCount: 0,
  leftoverCount: 0,
};
const ended = (report: object, more: Partial<LaunchFacts> = {}) => ({
  ...quiet,
  reports: [...quiet.reports, JSON.stringify(report)],
  ...more,
});
const outcomeOf = (facts: LaunchFacts) => {
  const { status, exitCode, signal } = judge(facts, 1_000, Buffer.from("its walls\nbwrap: no room"));
  return [status, exitCode, signal];
};

test.each([
  ["code 0", ended({ exitCode: 0 }), ["ok", 0, null]],
  ["another code", ended({ exitCode: 9 }), ["nonzero", 9, null]],
  ["code 137, which is no signal", ended({ exitCode: 137 }), ["nonzero", 137, null]],
  ["a signal", ended({ signal: 11 }), ["signal", null, "SIGSEGV"]],
  ["a real-time signal", ended({ signal: 40 }), ["signal", null, "SIG40"]],
  ["no report: its runner died with it", quiet, ["signal", null, "SIGKILL"]],
  ["half a report", { ...quiet, reports: ['{"running": true}', '{"exit'] }, ["signal", null, "SIGKILL"]],
  ["a kill for memory", ended({ signal: 9 }, { oomKillCount: 1 }), ["oom", null, "SIGKILL"]],
  ["children killed for memory, and code 0", ended({ exitCode: 0 }, { oomKillCount: 3 }), ["ok", 0, null]],
  ["its CPU limit, told", ended({ signal: 24 }), ["cpu", null, "SIGXCPU"]],
  ["its CPU limit, by force", ended({ signal: 9 }, { cpuMs: 2_100 }), ["cpu", null, "SIGKILL"]],
  ["a file too large, untold", ended({ signal: 25 }), ["disk", null, "SIGXFSZ"]],
  ["a full workspace, badly", ended({ exitCode: 1 }, { isWorkspaceFull: true }), ["disk", 1, null]],
  ["a full workspace, well", ended({ exitCode: 0 }, { isWorkspaceFull: true }), ["ok", 0, null]],
  ["refused forks, badly", ended({ exitCode: 1 }, { refusedForkCount: 2 }), ["pids", 1, null]],
  ["the clock", { ...quiet, cut: "wall" }, ["wall", null, null]],
  ["its output", { ...quiet, cut: "output" }, ["output", null, null]],
  ["our CPU limit", { ...quiet, cut: "cpu" }, ["cpu", null, null]],
  ["processes that live on", ended({ exitCode: 0 }, { leftoverCount: 1 }), ["sandbox_error", null, null]],
  ["walls that never stood", { ...quiet, hasRun: false, reports: [] }, ["sandbox_error", null, null]],
  ["a setup without end", { ...quiet, hasRun: false, cut: "setup", reports: [] }, ["sandbox_error", null, null]],
  ["what the runner could not do", ended({ broken: "no" }), ["sandbox_error", null, null]],
] as const)("%s", (_, facts, outcome) => {
  expect(outcomeOf(facts as LaunchFacts)).toEqual(outcome);
});

test("walls that fell are quoted", () => {
  const facts = { ...quiet, hasRun: false, reports: [] };
  expect(judge(facts, 1_000, Buffer.from("its walls\nbwrap: no room")).message).toBe(
    "the walls fell before the program ran: bwrap: no room",
  );
});

test("memory is the tree's where it is counted, and else the largest process's", () => {
  const report = { exitCode: 0, maxRssBytes: 5 };
  const none = Buffer.alloc(0);
  expect(judge(ended(report, { peakBytes: 7 }), 1_000, none).maxRssBytes).toBe(7);
  expect(judge(ended(report), 1_000, none).maxRssBytes).toBe(5);
});

// What is said of a step: calls with their arguments, programs, scores, and nothing where a world says nothing.
import { expect, test } from "vitest";
import type { RecordedStep } from "../../../actors/index.ts";
import { factsOf } from "../../../tools/replay/facts.ts";

const stepOf = (info: RecordedStep["info"], blobs: RecordedStep["blobs"] = {}): RecordedStep => {
  return { responseKind: "tool", digest: "0", info, blobs };
};

test("calls are told by name with their arguments, those that failed as such, and the state they led to", () => {
  const calls = [
    { name: "cd", arguments: '{"folder": "a b"}', succeeded: true },
    { name: "rm", arguments: '{"name": "x", "force": true}', succeeded: false },
    { name: "pwd", succeeded: true },
    { name: "ls", arguments: "{}", succeeded: true },
    { name: "cat", arguments: '{"cut o', succeeded: true },
    { name: "echo", arguments: '["positional"]', succeeded: true },
  ];
  expect(factsOf(stepOf({ succeeded: false, digest: "0123456789abcdef", calls }), "run")).toEqual([
    'called cd(folder="a b")',
    'called rm(name="x", force=true): failed',
    "called pwd()",
    "called ls()",
    'called cat({"cut o)',
    'called echo(["positional"])',
    "a call failed, or none could be read · state 0123456789ab",
  ]);
});

test("a program that a signal or a limit ended is told by it", () => {
  const execution = { end: "wall", exitCode: null, signal: null, wallMs: 1234, tier: "full", outputByteCount: 0 };
  expect(factsOf(stepOf({ outcome: "timeout", execution }), "run")).toEqual([
    "outcome timeout · the program ended: wall · 1.2 s · tier full · 0 bytes of output",
  ]);
  expect(
    factsOf(stepOf({ outcome: "killed", execution: { ...execution, end: "signal", signal: "SIGSEGV" } }), "run")[0],
  ).toContain("the program ended: signal (SIGSEGV)");
  expect(factsOf(stepOf({ outcome: "no_code" }), "run")).toEqual(["outcome no_code"]);
});

test("verdicts of requests and of answers are told apart; a step without facts has none", () => {
  expect(factsOf(stepOf({ verdict: { isFulfilled: false, isStateSame: true, areCallsMade: false } }), "run")).toEqual([
    "the request is not fulfilled: calls are missing",
  ]);
  expect(factsOf(stepOf({ verdict: { kind: "wrong", rule: "box", extracted: "3", wallMs: 1 } }), "run")).toEqual([
    "verdict wrong, read by box",
  ]);
  expect(factsOf(stepOf({}), "run")).toEqual([]);
});

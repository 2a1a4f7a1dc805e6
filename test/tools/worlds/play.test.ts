// A person at the table: what is shown, how a response ends, and how an episode does.
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { selfIterationPrompts } from "../../../actors/index.ts";
import { createEnvironment, InfrastructureError, type Task } from "../../../envs/index.ts";
import { type Game, play } from "../../../tools/worlds/play.ts";
import { guessEnvironment } from "../../envs/fixtures/guess-the-number.ts";

const task = { id: "g", hash: "h", highest: 10 };

async function played(typed: string, more: Partial<Game> = {}): Promise<string> {
  const input = new PassThrough();
  const output = new PassThrough();
  input.end(typed);
  const environment = guessEnvironment({ prompts: selfIterationPrompts }) as unknown as Game["environment"];
  await play({ environment, task, seed: 16, ...more }, { input, output });
  output.end();
  return text(output);
}

test("messages are shown by who says them, responses end with a dot, the end with quality and reward", async () => {
  const said = await played(
    "1\n.\nno idea\nat all\n.\n" + Array.from({ length: 10 }, (_, at) => `${at + 1}\n.\n`).join(""),
  );
  expect(said).toContain("guess-the-number, task g\n── user ─");
  expect(said).toContain(
    "\nGuess my number from 1 to 10.\nyour response; a line with a single dot ends it:\nread as guess\n── tool ─",
  );
  expect(said).toContain("read as none\n── tool ");
  expect(said).toContain("\nNot a number.\n");
  expect(said).toMatch(/it is over: quality 0\.\d+, reward 0\.\d+\n$/);
});

test("the end of the input leaves in the middle", async () => {
  expect(await played("")).toMatch(/a line with a single dot ends it:\n$/);
});

test("an answer of somebody else's can be improved, in the words that a policy gets", async () => {
  const said = await played("", { again: { mode: "improve", response: "seven" } });
  expect(said).toContain("Write a better response to this request than the current one.");
  expect(said).toContain("## Current response\nseven");
});

test("what a world says cannot steer the terminal, and a failure of infrastructure is told as one", async () => {
  const environment = createEnvironment<Task, null>(
    {
      id: "evil",
      version: "1",
      open: () => null,
      opening: () => [{ role: "user", content: "\u001b]0;owned\u0007hello" }],
      respond: () => {
        throw new InfrastructureError("worker_died", "the helper died");
      },
      quality: () => 0,
      digest: () => null,
    },
    { prompts: selfIterationPrompts },
  );
  const said = await played("x\n.\n", { environment });
  expect(said).toContain("␛]0;owned␇hello");
  expect(said).toMatch(/it failed: worker_died: the helper died\n$/);
});

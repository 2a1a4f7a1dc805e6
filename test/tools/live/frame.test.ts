import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { LogRow } from "../../../actors/index.ts";
import { render } from "../../../tools/live/screen.ts";
import { addRow, beginState, endState, type LiveState } from "../../../tools/live/state.ts";
import { makeRun } from "../../fixtures/run-folder.ts";
import { openTerminal } from "./terminal.ts";

const { config, rows } = makeRun();
const notice: LogRow = { kind: "notice", at_s: 3, text: "something happened" };

function after(shown: readonly LogRow[]): LiveState {
  return shown.reduce(addRow, beginState(config));
}

function lastFrame(shown: readonly LogRow[], width: number): string[] {
  return render(endState(after(shown)), width);
}

describe("on a real terminal", () => {
  test("the frame is drawn in place, and the last one stays with the cursor below it", async () => {
    await using terminal = await openTerminal();
    await terminal.untilShown("first evaluation: up to 3 problems");
    for (const row of rows) terminal.show(row);
    await terminal.untilShown("iteration 40 of 40");
    terminal.endOfRows();
    expect(await terminal.ended).toEqual({ exitCode: 0, signal: 0 });
    expect(terminal.lines()).toEqual(lastFrame(rows, 79));
    expect(terminal.isCursorShown()).toBe(true);
  });

  test("there are colours, and with NO_COLOR there are none", async () => {
    for (const isColoured of [true, false]) {
      await using terminal = await openTerminal({ isColoured });
      terminal.show(...rows);
      await terminal.untilShown("iteration 40 of 40");
      terminal.endOfRows();
      await terminal.ended;
      expect(terminal.lines()).toEqual(lastFrame(rows, 79));
      expect(terminal.hasColour()).toBe(isColoured);
    }
  });

  test("somebody else's words are printed above the frame and stay", async () => {
    await using terminal = await openTerminal({ conducts: ["talks"] });
    terminal.show(...rows, notice);
    await terminal.untilShown("something happened");
    terminal.endOfRows();
    await terminal.ended;
    expect(terminal.lines()).toEqual(["somebody else's words", ...lastFrame([...rows, notice], 79)]);
  });

  test("a terminal that becomes narrower or wider shows one frame, cut to its width", async () => {
    await using terminal = await openTerminal({ columns: 100 });
    terminal.show(...rows.slice(0, 20));
    await terminal.untilShown("iteration 18 of 40");
    terminal.resize(48, 30);
    await terminal.untilShown("held out ");
    terminal.resize(70, 30);
    await terminal.untilShown("held-out accuracy ");
    terminal.endOfRows();
    await terminal.ended;
    expect(terminal.lines()).toEqual(lastFrame(rows.slice(0, 20), 69));
  });

  test("a terminal lower than the frame shows its upper part", async () => {
    await using terminal = await openTerminal({ rows: 8 });
    terminal.show(...rows);
    await terminal.untilShown("iteration 40 of 40");
    terminal.endOfRows();
    await terminal.ended;
    expect(terminal.lines()).toEqual(
      lastFrame(rows, 79)
        .slice(0, 7)
        .filter((line, at) => line !== "" || at < 6),
    );
  });

  test("Ctrl-C that nobody answers ends the program by SIGINT, with the cursor back", async () => {
    await using terminal = await openTerminal();
    await terminal.untilShown("first evaluation");
    expect(terminal.wasCursorHidden()).toBe(true);
    terminal.press("\x03");
    expect(await terminal.ended).toEqual({ exitCode: 0, signal: 2 });
    expect(terminal.isCursorShown()).toBe(true);
  });

  test("Ctrl-C that the run answers leaves the view on until the rows end", async () => {
    await using terminal = await openTerminal({ conducts: ["answers-signals"] });
    terminal.show(...rows.slice(0, 5));
    await terminal.untilShown("iteration 4 of 40");
    terminal.press("\x03");
    await terminal.untilHeard("asked by SIGINT");
    terminal.show(rows[5]!);
    await terminal.untilShown("iteration 5 of 40");
    terminal.endOfRows();
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.lines()).toEqual(["ending after SIGINT", ...lastFrame(rows.slice(0, 6), 79)]);
    expect(terminal.isCursorShown()).toBe(true);
  });

  test("Ctrl-Z gives the shell its cursor; when the program goes on, its frame is drawn below what the shell has said", async (context) => {
    context.skip(!existsSync("/proc/self/stat"), "no /proc to see that a program has stopped");
    await using terminal = await openTerminal({ rows: 60 });
    terminal.show(...rows.slice(0, 5));
    await terminal.untilShown("iteration 4 of 40");
    terminal.press("\x1a");
    await terminal.untilStopped();
    await terminal.until(terminal.isCursorShown);
    terminal.show(rows[5]!);
    terminal.continue();
    await terminal.untilShown("iteration 5 of 40");
    expect(terminal.isCursorShown()).toBe(false);
    terminal.endOfRows();
    expect((await terminal.ended).exitCode).toBe(0);
    const frame = lastFrame(rows.slice(0, 6), 79);
    expect(terminal.lines().slice(-frame.length)).toEqual(frame);
    expect(terminal.lines().filter((line) => line.startsWith("  exit"))).toHaveLength(2);
    expect(terminal.isCursorShown()).toBe(true);
  });

  test("a program that exits under the view leaves the cursor visible", async () => {
    await using terminal = await openTerminal({ conducts: ["exits-midway"] });
    terminal.show(...rows.slice(0, 5), notice);
    expect((await terminal.ended).exitCode).toBe(3);
    expect(terminal.wasCursorHidden()).toBe(true);
    expect(terminal.isCursorShown()).toBe(true);
  });

  test("a run whose terminal was closed goes on to the end of its rows", async () => {
    await using terminal = await openTerminal({ conducts: ["answers-signals"] });
    terminal.show(...rows.slice(0, 5));
    await terminal.untilShown("iteration 4 of 40");
    terminal.closeWindow();
    await terminal.untilHeard("asked by SIGHUP");
    terminal.show(...rows.slice(5));
    terminal.endOfRows();
    await terminal.untilHeard("the view has ended");
  });
});

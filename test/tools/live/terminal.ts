// A real terminal for tests: a program behind node-pty, its bytes drawn by xterm, its screen read line by line.
// Rows go to the program through a socket, so that a test decides when which row comes. Waits for what is drawn, never for time.
import { closeSync, constants, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";
import { spawn } from "node-pty";
import type { LogRow } from "../../../actors/index.ts";

const program = fileURLToPath(new URL("./shows-a-run.js", import.meta.url));

export interface ProgramEnd {
  exitCode: number;
  signal: number | undefined;
}

let opened = 0;

function environment(isColoured: boolean): NodeJS.ProcessEnv {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...rest } = process.env;
  return { ...rest, TERM: "xterm-256color", ...(isColoured ? {} : { NO_COLOR: "1" }) };
}

export async function openTerminal({ columns = 80, rows = 30, conducts = [] as string[], isColoured = false } = {}) {
  opened += 1;
  const path = join(tmpdir(), `iterant-view-${process.pid}-${opened}.sock`);
  const server = createServer({ allowHalfOpen: true });
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const pty = spawn(process.execPath, [program, path, ...conducts], {
    cols: columns,
    rows,
    name: "xterm-256color",
    env: environment(isColoured),
  });
  // Without a second holder of the far end, what a program says just before it ends is lost.
  const held = openSync((pty as unknown as { _pty: string })._pty, constants.O_RDWR | constants.O_NOCTTY);
  let raw = "";
  const watchers = new Set<() => void>();
  const look = () => {
    for (const watcher of watchers) watcher();
  };
  pty.onData((data) => {
    raw += data;
    screen.write(data, look);
  });
  const ended = new Promise<ProgramEnd>((resolve) =>
    pty.onExit(({ exitCode, signal }) => resolve({ exitCode, signal })),
  );
  const socket = await connected;
  let heard = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    heard += text;
    look();
  });
  socket.on("error", () => {}); // a program that was killed resets it

  /** Lines of the screen and what has scrolled out above it, without the empty ones at the end. */
  const lines = (): string[] => {
    const { active } = screen.buffer;
    const all = Array.from({ length: active.length }, (_, at) => active.getLine(at)!.translateToString(true));
    return all.slice(0, all.findLastIndex((line) => line !== "") + 1);
  };
  /** Resolves once it holds, looked at whenever the program has drawn or said something. */
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const watcher = () => {
        if (!holds()) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
    });
  return {
    lines,
    until,
    untilShown: (text: string) => until(() => lines().some((line) => line.includes(text))),
    untilHeard: (text: string) => until(() => heard.includes(text)),
    show: (...rows: LogRow[]) => socket.write(rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
    endOfRows: () => socket.end(),
    press: (keys: string) => pty.write(keys),
    /** Resolves once the system has stopped the program. */
    async untilStopped() {
      const state = () => readFileSync(`/proc/${pty.pid}/stat`, "utf8").split(") ")[1]![0];
      while (state() !== "T") await new Promise(setImmediate);
    },
    continue: () => pty.kill("SIGCONT"),
    resize(columns: number, rows: number) {
      screen.resize(columns, rows);
      pty.resize(columns, rows);
    },
    /** The terminal's window is closed under the program. */
    closeWindow() {
      closeSync(held);
      (pty as unknown as { destroy(): void }).destroy();
    },
    ended,
    isCursorShown: () => raw.lastIndexOf("\x1b[?25h") > raw.lastIndexOf("\x1b[?25l"),
    /** Whether anything stands there in another colour than the terminal's own. */
    hasColour: () => {
      const { active } = screen.buffer;
      return Array.from({ length: active.length }, (_, at) => active.getLine(at)!).some((line) =>
        Array.from({ length: line.length }, (_, x) => line.getCell(x)!).some((cell) => cell.getFgColorMode() !== 0),
      );
    },
    wasCursorHidden: () => raw.includes("\x1b[?25l"),
    async [Symbol.asyncDispose]() {
      pty.kill("SIGKILL");
      socket.destroy();
      server.close();
      try {
        closeSync(held);
      } catch {
        // closed with its window
      }
      rmSync(path, { force: true });
    },
  };
}

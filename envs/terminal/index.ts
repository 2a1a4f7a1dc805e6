// Programs behind terminals, loss-free: a pseudo-terminal or plain pipes behind one interface.

export {
  type Asciicast,
  type AsciicastEvent,
  type AsciicastOptions,
  type AsciicastVersion,
  asciicastOf,
  outputOfAsciicast,
  readAsciicast,
} from "./asciicast.ts";
export { openPipe, openPty } from "./launch.ts";
export { type ProcessTree, sessionTree } from "./process-tree.ts";
export { Tap, type TapOptions } from "./tap.ts";
export type {
  Terminal,
  TerminalCommand,
  TerminalExit,
  TerminalLimits,
  TerminalOptions,
  TerminalVerdict,
} from "./terminal.ts";
export { type TerminalEvent, Transcript } from "./transcript.ts";

// The public words of the runtime.
export {
  type ActorClass,
  type ActorDefinition,
  type ActorOptions,
  defineActor,
  type LaneOptions,
  type Placement,
  pythonActor,
  type Reentrancy,
  type StartReason,
} from "./actor.ts";
export { type CallOptions, Reply } from "./caller.ts";
export type { CellReport, LaneReport, MessageRecord, MessageRecord as FlightRecord } from "./cell.ts";
export { type Clock, ManualClock, pause, realClock } from "./clock.ts";
export { NdArray, type NumberArray, packValue, unpackValue } from "./codec.ts";
export { ActorError, type ErrorCode, errorCodes, isActorError } from "./errors.ts";
export type { CallInFlight } from "./exchange.ts";
export { addressOf, type Calls, cast, type Handle } from "./handle.ts";
export type { ActorShape, EvaluateOptions, Evaluation } from "./inspect.ts";
export {
  type Damage,
  Journal,
  type JournalOptions,
  type JournalRecord,
  readJournal,
  readRecord,
  segmentsOf,
} from "./journal.ts";
export type { WhenFull } from "./lane.ts";
export { monitor } from "./monitor.ts";
export { makeKeys, Node, type NodeOptions } from "./node.ts";
export type { NodeControl, NodeReport } from "./node-control.ts";
export { Observer, type ObserverOptions } from "./observer.ts";
export { type OsProcess, startProcess } from "./process.ts";
export { type LiveProgram, Program, type ProgramOptions } from "./program.ts";
export { localPython } from "./python.ts";
export type { NodeInfo } from "./registry.ts";
export type { ActorReport, SpawnOptions } from "./residents.ts";
export type { KeyPair } from "./security.ts";
export type { Endpoints } from "./socket.ts";
export type { Down, RestartPolicy } from "./supervisor.ts";
export { callSignal, currentTurn, type Turn } from "./turn.ts";

// A place for untrusted programs: the seam, the verdict, and the walls of this machine behind it. In reading order.
export { type Attestation, type Finding, type Guarantee, guarantees, type Tier } from "./guarantees.ts";
export { examineSandbox, lackingIn, openSandbox, type SandboxOptions } from "./open.ts";
export type { KeptOutput } from "./output.ts";
export { defaultLimits, type Sandbox, type SandboxJob, type SandboxLimits, type WantedFile } from "./sandbox.ts";
export { type ProgramStdio, pipes, type StdioDescriptor } from "./stdio.ts";
export type { FileRefusal, TakenFile, Verdict as SandboxVerdict, VerdictStatus } from "./verdict.ts";
export type { WarmOptions } from "./warm.ts";

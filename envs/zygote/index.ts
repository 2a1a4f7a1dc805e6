// Programs in processes that have their packages loaded before they are asked for.

export { launchUnconfined, type ZygoteCommand, type ZygoteLauncher, type ZygoteOptions } from "./launcher.ts";
export type { ZygoteJob, ZygoteLimits } from "./protocol.ts";
export type { ZygoteHello } from "./zygote.ts";
export {
  type Latency,
  ZygotePool,
  type ZygotePoolOptions,
  type ZygotePoolStats,
  type ZygoteRunOptions,
} from "./zygote-pool.ts";

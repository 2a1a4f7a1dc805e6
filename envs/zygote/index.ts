// Programs in processes that have their packages loaded before they are asked for.

export type { ZygoteJob, ZygoteLimits } from "./protocol.ts";
export {
  launchUnconfined,
  type ZygoteCommand,
  type ZygoteHello,
  type ZygoteLauncher,
  type ZygoteOptions,
} from "./zygote.ts";
export {
  type Latency,
  ZygotePool,
  type ZygotePoolOptions,
  type ZygotePoolStats,
  type ZygoteRunOptions,
} from "./zygote-pool.ts";

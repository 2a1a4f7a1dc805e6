// Multi-turn tool use: tasks and their classes in a helper, responses read here, both together an environment.
export { bfclHeldOut } from "./bfcl-split.ts";
export { type ToolOptions, toolEnvironment, toolLimits, toolWorld } from "./environment.ts";
export { knownBad } from "./known-bad.ts";
export { type DocStyle, systemPrompt } from "./prompt.ts";
export { readResponse, type ToolResponse, toolStops } from "./response.ts";
export { type CallMade, type CallResults, type RewardProfile, ToolSession } from "./session.ts";
export { type SuiteName, suiteOf, ToolSuite, type ToolSuiteOptions } from "./suite.ts";
export { stratifiedHalf, type ToolTask } from "./task.ts";

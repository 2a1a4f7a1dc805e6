// Worlds that others wrote, for other systems, behind this contract.
export { Gymnasium, type GymnasiumOptions, type GymnasiumTask } from "./gymnasium.ts";
export { OpenEnv, type OpenEnvOptions } from "./openenv.ts";
export type { OpenEnvTask } from "./openenv-description.ts";
export { type ReturnQuality, returnQualityOf } from "./return-quality.ts";
export { type GymnasiumSource, gymnasiumSourceOf, openEnvSourceOf } from "./source.ts";

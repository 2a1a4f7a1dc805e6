// Worlds that others wrote, for other systems, behind this contract.
export { Gymnasium, type GymnasiumOptions, type GymnasiumTask } from "./gymnasium.ts";
export { type ReturnQuality, returnQualityOf } from "./return-quality.ts";
export { type GymnasiumSource, gymnasiumSourceOf } from "./source.ts";

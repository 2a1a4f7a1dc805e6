// Competition problems: from files, sets and templates to tasks, from responses to verdicts, from both to an environment.
export { type MathOptions, mathEnvironment, mathWorld } from "./environment.ts";
export { type GeneratedRow, type GeneratorOptions, generate, generatorOf } from "./generator.ts";
export { type BadLine, type LoadedTasks, type LoadOptions, loadMathTasks } from "./loader.ts";
export { type MathTask, mathTaskOf, RowError } from "./problem.ts";
export { type MathSet, mathSet, mathSets, sourceOf } from "./sets.ts";
export {
  type ExtractionRule,
  type GoldVerdict,
  MathVerifier,
  type MathVerifierOptions,
  type Verdict,
  type VerdictKind,
} from "./verifier.ts";

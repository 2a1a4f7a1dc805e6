// The model folder that a run was pointed at: found, looked at, and its own sampling defaults read.
// Only what can be seen without Python; whether the weights load, the engine says when it starts.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunConfig, Sampling } from "../../actors/index.ts";
import { exitCodes, Failure } from "../failure.ts";

const shipped = (task: string) => fileURLToPath(new URL(`../../../trainer-py/iterant/tiny/${task}`, import.meta.url));
/** The model that comes with Iterant, and its problems. */
export const tinyFolder = shipped("equations");
/** Models by a name of ours. */
const tinyModels: Record<string, string> = {
  tiny: tinyFolder,
  "tiny-tools": shipped("office"),
  "tiny-code": shipped("choices"),
};

/**
 * The folder of a model by its name.
 * @throws Failure `usage` that says what is missing in it
 */
export function findModel(name: string): string {
  const folder = tinyModels[name] ?? resolve(name);
  const refuse = (what: string): never => {
    throw new Failure(exitCodes.usage, `model ${folder}: ${what}`);
  };
  if (!existsSync(folder)) {
    return refuse(
      "there is no such folder. Give a Hugging Face model folder on this machine, or tiny, tiny-tools or tiny-code; nothing is downloaded.",
    );
  }
  if (!statSync(folder).isDirectory())
    return refuse("is a file, not a folder. Give the folder that holds config.json.");
  const files = readdirSync(folder);
  if (!files.includes("config.json"))
    return refuse("has no config.json, so it is no model. Save one with save_pretrained.");
  if (!files.some((file) => /\.(safetensors|bin)$/.test(file))) {
    return refuse("has no weights (*.safetensors or *.bin). Copy them beside config.json.");
  }
  if (!files.some((file) => /^(tokenizer\.json|tokenizer\.model|vocab\.json|tokenizer_config\.json)$/.test(file))) {
    return refuse("has no tokenizer (tokenizer.json). Save it with tokenizer.save_pretrained into the same folder.");
  }
  return folder;
}

/** How the model's makers sample from it (generation_config.json), with what the run says over it. */
export function evaluationSampling(folder: string, { evaluation, sampling }: RunConfig): Sampling {
  const file = join(folder, "generation_config.json");
  const own = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};
  const number = (key: string, fallback: number) => (typeof own[key] === "number" ? (own[key] as number) : fallback);
  const isGreedy = own.do_sample === false;
  return {
    temperature: evaluation.temperature ?? (isGreedy ? 0 : number("temperature", 1)),
    topP: evaluation.topP ?? number("top_p", 1),
    topK: evaluation.topK ?? (own.do_sample === true || "top_k" in own ? number("top_k", 0) : 0),
    ...(typeof own.min_p === "number" ? { minP: own.min_p } : {}),
    ...(typeof own.repetition_penalty === "number" ? { repetitionPenalty: own.repetition_penalty } : {}),
    maxTokens: sampling.maxTokens,
  };
}

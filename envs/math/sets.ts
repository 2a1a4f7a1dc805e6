// The published sets of competition problems by name: where each comes from, how its columns are read, how many there are.
// Knows no file and no network: hub.ts fetches, loader.ts reads. Counts are those of the data-set cards.
import { EnvironmentError } from "../errors.ts";

/** A published set, one split of it. */
export interface MathSet {
  readonly name: string;
  /** `train` for learning, `test` for measuring only. */
  readonly purpose: "train" | "test";
  /** Its id on the Hugging Face hub, with the configuration and split that hold these problems. */
  readonly hub: { readonly id: string; readonly config: string; readonly split: string };
  /** Rows of the split, before any is left out; null where the card does not say, or says a number too old to hold. */
  readonly rowCount: number | null;
  /** What a person should know before using it. */
  readonly note: string;
  /** Why a row is not meant to be used, or null; such rows are counted, they are no bad lines. */
  readonly leaveOut?: (row: Record<string, unknown>) => string | null;
}

const hub = (id: string, split: string, config = "default") => ({ id, config, split });

/** A row of NuminaMath-1.5 that asks for a proof, offers choices, or is marked invalid. */
function notVerifiable(row: Record<string, unknown>): string | null {
  if (row.question_type !== undefined && row.question_type !== "math-word-problem") return String(row.question_type);
  for (const field of ["problem_is_valid", "solution_is_valid"]) {
    if (row[field] !== undefined && row[field] !== "Yes") return `${field} is ${JSON.stringify(row[field])}`;
  }
  return null;
}

/** MATH's training problems are kept apart from those that MATH-500 was drawn of, so all of them may be trained on. */
export const mathSets: readonly MathSet[] = [
  {
    name: "deepscaler",
    purpose: "train",
    hub: hub("agentica-org/DeepScaleR-Preview-Dataset", "train"),
    rowCount: null,
    note: "about 40 300 problems; a few rows have no answer: skip bad lines",
  },
  {
    name: "numinamath-cot",
    purpose: "train",
    hub: hub("AI-MO/NuminaMath-CoT", "train"),
    rowCount: 859_494,
    note: "the answer is the last box of the solution; rows without one are bad lines",
  },
  {
    name: "numinamath-1.5",
    purpose: "train",
    hub: hub("AI-MO/NuminaMath-1.5", "train"),
    rowCount: 896_215,
    note: "proofs, multiple choice and rows marked invalid are left out",
    leaveOut: notVerifiable,
  },
  {
    name: "math-train",
    purpose: "train",
    hub: hub("DigitalLearningGmbH/MATH-lighteval", "train"),
    rowCount: 7500,
    note: "MATH; the paper validates on 100 of them",
  },
  {
    name: "gsm8k",
    purpose: "train",
    hub: hub("openai/gsm8k", "train", "main"),
    rowCount: 7473,
    note: "school problems, whole numbers",
  },
  {
    name: "gsm8k-test",
    purpose: "test",
    hub: hub("openai/gsm8k", "test", "main"),
    rowCount: 1319,
    note: "school problems, whole numbers",
  },
  {
    name: "math-500",
    purpose: "test",
    hub: hub("HuggingFaceH4/MATH-500", "test"),
    rowCount: 500,
    note: "500 of MATH's test problems",
  },
  {
    name: "amc-12",
    purpose: "test",
    hub: hub("AI-MO/aimo-validation-amc", "train"),
    rowCount: 83,
    note: "AMC 12 of 2022 and 2023, whole numbers",
  },
  {
    name: "aime-24",
    purpose: "test",
    hub: hub("HuggingFaceH4/aime_2024", "train"),
    rowCount: 30,
    note: "AIME 2024, whole numbers from 0 to 999",
  },
  {
    name: "aime-25",
    purpose: "test",
    hub: hub("math-ai/aime25", "test"),
    rowCount: 30,
    note: "AIME 2025, whole numbers from 0 to 999",
  },
  {
    name: "minerva",
    purpose: "test",
    hub: hub("math-ai/minervamath", "test"),
    rowCount: 272,
    note: "golds with units and approximations: expect false negatives",
  },
  {
    name: "olympiadbench",
    purpose: "test",
    hub: hub("Hothan/OlympiadBench", "train", "OE_TO_maths_en_COMP"),
    rowCount: 674,
    note: "open-ended, text only, English, competition; several answers stand in one gold",
  },
];

/** @throws EnvironmentError `bad_data` for a name that there is not, with those that there are */
export function mathSet(name: string): MathSet {
  const found = mathSets.find((set) => set.name === name);
  if (found) return found;
  const names = mathSets.map((set) => set.name).join(", ");
  throw new EnvironmentError("bad_data", `no published set '${name}' - math - there are ${names}`);
}

/**
 * What a person means by a source of problems: `math-500` fetches the set, `math-500=file.parquet` reads a file as that
 * set, anything else is a file of its own.
 */
export function sourceOf(text: string): { set: MathSet | null; file: string | null } {
  const [name, file] = text.split(/=(.*)/s);
  const set = mathSets.find((one) => one.name === name) ?? null;
  if (set === null) return { set, file: text };
  return { set, file: file === undefined || file === "" ? null : file };
}

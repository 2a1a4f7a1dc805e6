// A small grammar of programs: a word for each slot, and the words are a program.
// For a model too small to write scikit-learn: it chooses features, weights, a model and how strong it is, in a handful of
// tokens, and better choices score better. The world runs the program like any other.
import { EnvironmentError } from "../errors.ts";
import { templateProgram } from "./template-program.ts";
import type { MleWording } from "./wording.ts";

/** Slot to word. */
export type TemplateChoices = Readonly<Record<string, string>>;

export type Template = {
  /** Which program the words are put into. */
  readonly kind: "text" | "table" | "image";
  /** Slot to its words, each word in one slot only. */
  readonly slots: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** What the program must know of the competition's files. */
  readonly columns: TemplateColumns;
};

/** Names of columns; those that a kind does not use are left out. */
export type TemplateColumns = {
  readonly sample: string;
  readonly train: string;
  readonly test: string;
  readonly targets: readonly string[];
  /** Of a classification whose classes are the sample's columns. */
  readonly className?: string;
  readonly text?: string;
  readonly numbers?: readonly string[];
  readonly category?: string;
};

const strength = ["weak", "strong"] as const;
const textSlots = {
  features: ["words", "pairs", "letters"],
  weights: ["counts", "tfidf"],
  model: ["bayes", "logistic", "boosting"],
  strength,
} as const;
const csv = { sample: "sample_submission.csv", train: "train.csv", test: "test.csv" };
const labels = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"];

const templates: Record<string, Template> = {
  "synth-insults": {
    kind: "text",
    slots: textSlots,
    columns: { ...csv, sample: "sample_submission_null.csv", targets: ["Insult"], text: "Comment" },
  },
  "synth-authors": {
    kind: "text",
    slots: textSlots,
    columns: { ...csv, targets: ["ANN", "BEN", "CLO"], className: "author", text: "text" },
  },
  "synth-pizza": {
    kind: "text",
    slots: { ...textSlots, features: ["words", "pairs", "letters", "numbers", "everything"] },
    columns: {
      sample: "sampleSubmission.csv",
      train: "train.json",
      test: "test.json",
      targets: ["requester_received_pizza"],
      text: "request_text",
      numbers: [
        "requester_account_age_in_days",
        "requester_number_of_comments",
        "requester_number_of_posts",
        "requester_upvotes_minus_downvotes",
      ],
    },
  },
  "synth-conductors": {
    kind: "table",
    slots: {
      features: ["raw", "groups"],
      target: ["plain", "log"],
      model: ["ridge", "forest", "boosting"],
      strength,
    },
    columns: { ...csv, targets: ["formation_energy_ev_natom", "bandgap_energy_ev"], category: "spacegroup" },
  },
  "synth-toxic": { kind: "text", slots: textSlots, columns: { ...csv, targets: labels, text: "comment_text" } },
  "synth-glyphs": {
    kind: "image",
    slots: { features: ["pixels", "aligned"], model: ["logistic", "forest", "boosting"], strength },
    columns: { ...csv, train: "train.npy", test: "test.npy", targets: ["has_low_left_arm"] },
  },
};

/** The grammar of a competition. @throws EnvironmentError `bad_data` if it has none: the synthetic ones have */
export function templateOf(competitionId: string): Template {
  const template = templates[competitionId];
  if (template) return template;
  const advice = `there are ${Object.keys(templates).join(", ")}`;
  throw new EnvironmentError("bad_data", `no template for competition ${competitionId} - ${advice}`);
}

/** The choices in a text: for each slot the last of its words; null if a slot has none. */
export function choicesIn(text: string, competitionId: string): TemplateChoices | null {
  const said = text.toLowerCase().match(/[a-z]+/g) ?? [];
  const chosen = Object.entries(templateOf(competitionId).slots).map(
    ([slot, words]) => [slot, said.findLast((word) => words.includes(word))] as const,
  );
  return chosen.every(([, word]) => word !== undefined) ? (Object.fromEntries(chosen) as TemplateChoices) : null;
}

/** The choices as a response says them. */
export function wordsOf(choices: TemplateChoices): string {
  return Object.values(choices).join(" ");
}

/** Speaks in words of the grammar instead of programs. A slot without a word is a response without a program. */
export const templateWording: MleWording = {
  id: "templates",
  opening: ({ id }) => {
    const slots = Object.entries(templateOf(id).slots).map(([slot, words]) => `${slot}: ${words.join(" ")}`);
    return [id, ...slots, "answer: one word of each line"].join("\n");
  },
  programOf: (visibleResponse, { id }) => {
    const choices = choicesIn(visibleResponse, id);
    return choices && templateProgram(templateOf(id), choices);
  },
  prompts: {
    improve: ({ instruction, previousResponse, feedback }) =>
      `${instruction}\ncurrent: ${previousResponse}\n${feedback === undefined ? "improve" : "failed"}`,
    diverge: ({ instruction, previousResponse }) => `${instruction}\ncurrent: ${previousResponse}\ndiffer`,
  },
};

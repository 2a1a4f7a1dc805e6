// Every choice of a search that the papers leave open, by name, and the known scaffolds as presets over them.
// Knows names and numbers; what they do, policy.ts says.

export interface SearchOptions {
  /** Steps after the first node: K. 0 is plain evaluation. */
  readonly steps: number;
  /** Nodes without a parent, made first. */
  readonly draftCount: number;
  /** How often a broken leaf is mended while a valid node could be improved. */
  readonly debugProbability: number;
  /** A chain of mending that is longer is given up. */
  readonly maxDebugDepth: number;
  /** What to do while nothing is valid: mend the latest, or begin anew. */
  readonly whenNoneIsValid: "debug" | "draft";
  readonly improveFrom: "best" | "last";
  /** Which of two equally good nodes is the best (D25: the newer). */
  readonly ties: "newer" | "older";
  /** Whose score decides. By the grader's a search sees test scores: only for comparison with work that does so too. */
  readonly selection: "grader" | "validation";
}

export type SearchPolicyName = "greedy" | "aide" | "aira";

/**
 * `greedy`: the paper's search (section 6.3 of our reference: one draft, then improve the best, or mend the latest while
 * nothing is valid). `aide`: AIDE's defaults (aide/utils/config.yaml). `aira`: AIRA-dojo's greedy solver.
 */
export const searchPolicies: Readonly<Record<SearchPolicyName, SearchOptions>> = {
  greedy: {
    steps: 16,
    draftCount: 1,
    debugProbability: 0,
    maxDebugDepth: 1000,
    whenNoneIsValid: "debug",
    improveFrom: "best",
    ties: "newer",
    selection: "grader",
  },
  aide: {
    steps: 19,
    draftCount: 5,
    debugProbability: 0.5,
    maxDebugDepth: 3,
    whenNoneIsValid: "draft",
    improveFrom: "best",
    ties: "older",
    selection: "grader",
  },
  aira: {
    steps: 499,
    draftCount: 5,
    debugProbability: 1,
    maxDebugDepth: 20,
    whenNoneIsValid: "draft",
    improveFrom: "best",
    ties: "older",
    selection: "grader",
  },
};

/** The selection rule in words, for every table that shows what was selected. */
export function selectionRule({ selection, ties, improveFrom }: SearchOptions): string {
  const whose = selection === "grader" ? "the grader's score (test labels)" : "the validation score";
  return `best by ${whose}, ties to the ${ties}; improves the ${improveFrom}`;
}

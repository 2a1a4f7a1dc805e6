// Where a search goes next: pure functions of the nodes so far, the options and a seeded stream.
// Knows neither worlds nor models.
import type { RandomStream } from "../random.ts";
import type { Operator, SearchNode } from "./node.ts";
import type { SearchOptions } from "./options.ts";

/** What to make next, and from which node. */
export interface Move {
  readonly operator: Operator;
  readonly parent: SearchNode | null;
}

/**
 * The next move. In this order: drafts until there are enough; mend a random broken leaf, with the options' probability;
 * without a valid node mend the latest or begin anew; otherwise improve.
 * Nodes that infrastructure broke are no parents and no drafts.
 */
export function nextMove(nodes: readonly SearchNode[], options: SearchOptions, random: RandomStream): Move {
  const usable = nodes.filter(({ failure }) => failure === null);
  if (usable.filter(({ operator }) => operator === "draft").length < options.draftCount) return draft;
  const best = bestOf(usable, options);
  const mendable = usable.filter((node) => isMendable(node, nodes, options));
  const isMending = options.debugProbability > 0 && random.isDrawn(options.debugProbability);
  if (isMending && mendable.length > 0) return mend(mendable[random.below(mendable.length)]!);
  if (best === null) {
    const latest = usable.findLast((node) => !node.isValid && debugDepth(node, nodes) < options.maxDebugDepth);
    return options.whenNoneIsValid === "debug" && latest ? mend(latest) : draft;
  }
  const parent = options.improveFrom === "best" ? best : usable.at(-1)!;
  return parent.isValid ? { operator: "improve", parent } : mend(parent);
}

/** The best valid node by the options' rule; null while there is none. */
export function bestOf(nodes: readonly SearchNode[], { selection, ties }: SearchOptions): SearchNode | null {
  let best: SearchNode | null = null;
  for (const node of nodes) {
    const value = scoreOf(node, selection);
    if (value === null) continue;
    const least = best === null ? Number.NEGATIVE_INFINITY : scoreOf(best, selection)!;
    if (value > least || (value === least && ties === "newer")) best = node;
  }
  return best;
}

/** The score of the node that is the best after each step; null while nothing is valid. What is shown of a search. */
export function bestSoFarOf(nodes: readonly SearchNode[], options: SearchOptions): (number | null)[] {
  return nodes.map((_, at) => bestOf(nodes.slice(0, at + 1), options)?.score ?? null);
}

const draft: Move = { operator: "draft", parent: null };

function mend(parent: SearchNode): Move {
  return { operator: "debug", parent };
}

function scoreOf({ isValid, failure, score, validationScore }: SearchNode, selection: SearchOptions["selection"]) {
  if (!isValid || failure !== null) return null;
  return selection === "grader" ? score : validationScore;
}

/** A broken node that nobody has gone on from, at the end of a chain of mending that is not too long. */
function isMendable(node: SearchNode, nodes: readonly SearchNode[], { maxDebugDepth }: SearchOptions): boolean {
  const isLeaf = !nodes.some(({ parent }) => parent === node.index);
  return !node.isValid && isLeaf && debugDepth(node, nodes) < maxDebugDepth;
}

/** How many mendings in a row lie behind a node. */
export function debugDepth(node: SearchNode, nodes: readonly SearchNode[]): number {
  return node.operator === "debug" ? 1 + debugDepth(nodes[node.parent!]!, nodes) : 0;
}

// Search above a world: what is tried next, each try judged and on disk, and what it all came to.
export type { Operator, SearchNode } from "./node.ts";
export { type SearchOptions, type SearchPolicyName, searchPolicies, selectionRule } from "./options.ts";
export { bestOf, bestSoFarOf, debugDepth, type Move, nextMove } from "./policy.ts";
export { reportOf, type SearchReport, type TaskReport } from "./report.ts";
export { type Answer, type SearchParts, search } from "./search.ts";
export { type Finding, readFindings, SearcherActor, type SearcherConfig } from "./searcher.ts";

// What was found out about this machine, a line a thing: there, missing, or there and broken; with the cure.
// Knows how findings read; knows none of them.

export interface Finding {
  name: string;
  /** Without what is needed no run can start; the rest is needed for one thing each. */
  group: "needed" | "optional";
  status: "ok" | "missing" | "broken";
  /** Version, size, or what is wrong. */
  value: string;
  /** What to do; null where all is well. */
  cure: string | null;
}

/** A thing that is as it should be. */
export function ok(name: string, group: Finding["group"], value: string): Finding {
  return { name, group, status: "ok", value, cure: null };
}

export function missing(name: string, group: Finding["group"], value: string, cure: string): Finding {
  return { name, group, status: "missing", value, cure };
}

export function broken(name: string, group: Finding["group"], value: string, cure: string): Finding {
  return { name, group, status: "broken", value, cure };
}

/** The needed things that are not there. */
export function lackingIn(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ group, status }) => group === "needed" && status !== "ok");
}

/** The page: both groups, each cure under its line, and the sum. */
export function renderFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const page = (["needed", "optional"] as const).flatMap((group) => [
    group,
    ...findings.filter((finding) => finding.group === group).flatMap((finding) => linesOf(finding, width)),
    "",
  ]);
  return [...page, sumOf(findings)].join("\n");
}

function linesOf({ name, status, value, cure }: Finding, width: number): string[] {
  const line = `  ${status.padEnd(7)}  ${name.padEnd(width)}  ${value}`.trimEnd();
  return cure === null ? [line] : [line, `${" ".repeat(11 + width)}  ${cure}`];
}

function sumOf(findings: readonly Finding[]): string {
  const lacking = lackingIn(findings).map(({ name }) => name);
  if (lacking.length > 0) return `this machine cannot run iterant yet: ${lacking.join(", ")}`;
  const without = findings.filter(({ status }) => status !== "ok").map(({ name }) => name);
  return `this machine can run iterant${without.length === 0 ? "" : `; without ${without.join(", ")}`}`;
}

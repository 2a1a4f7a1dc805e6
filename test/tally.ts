// A vitest reporter that writes what the check runner wants to know: how many passed, failed, were skipped, and why.
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env.ITERANT_TALLY;
    if (file === undefined) return;
    const tally = { passed: 0, failed: 0, skipped: 0, skips: [] as string[] };
    for (const module of modules) {
      if (module.children.size === 0 || module.errors().length > 0) tally.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") tally.passed += 1;
        else if (result.state === "failed") tally.failed += 1;
        else {
          tally.skipped += 1;
          const note = result.state === "skipped" ? result.note : undefined;
          tally.skips.push(`${test.fullName}: ${note ?? "no reason given"}`);
        }
      }
    }
    writeFileSync(file, JSON.stringify(tally));
  }
}

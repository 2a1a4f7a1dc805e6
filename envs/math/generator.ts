// Competition problems without a file: as many as wanted, of the levels wanted, the same for the same seed.
// What is trained on and what is held out are disjoint whatever the seeds: a problem's own text decides which it is.
import { EnvironmentError } from "../errors.ts";
import { hashFraction } from "../task.ts";
import { Draws } from "./draws.ts";
import type { PlacedRow } from "./rows.ts";
import { type Drawn, templates } from "./templates.ts";

export interface GeneratorOptions {
  /** Rows; different problems all of them. */
  count: number;
  /** The least and the most steps of a worked solution, from 1 to 8. */
  levels: readonly [number, number];
  seed: number;
  /** Which of the two disjoint parts. */
  part: "train" | "test";
}

/** A generated problem as a row that any loader reads. */
export type GeneratedRow = Omit<Drawn, "solution" | "answerType"> & {
  solution: string;
  steps: number;
  level: number;
  answer_type: Drawn["answerType"];
  /** The template's name. */
  source: string;
};

const heldOutShare = 0.2;
const spelling = /^generated(-test)?(?::(\d)(?:-(\d))?)?(?::(\d+))?(?:@(\d+))?$/;
/** Draws in a row that gave no new problem: then the levels hold no more. */
const patience = 5000;

/**
 * The generator that a source names: `generated`, `generated:1-3` for levels, `generated:1-3:500` for a count (2000
 * unless said), `generated-test…` for the held-out part, `…@7` for a seed (0 unless said). Null for any other source.
 * @throws EnvironmentError `bad_data` if it begins like one and is none
 */
export function generatorOf(source: string): GeneratorOptions | null {
  if (!/^generated(-test)?([:@]|$)/.test(source)) return null;
  const parts = source.match(spelling);
  const least = Number(parts?.[2] ?? 1);
  const most = Number(parts?.[3] ?? parts?.[2] ?? 8);
  if (!parts || least < 1 || most > 8 || least > most) {
    const advice = "write generated, generated:1-3, generated:1-3:500, generated-test:1-3:100 or generated@7";
    throw new EnvironmentError("bad_data", `levels go from 1 to 8 - ${source} - ${advice}`);
  }
  return {
    count: Number(parts[4] ?? 2000),
    levels: [least, most],
    seed: Number(parts[5] ?? 0),
    part: parts[1] ? "test" : "train",
  };
}

/** Rows with their number as their line. @throws EnvironmentError `bad_data` if there are not so many different ones */
export function* generatedRows(options: GeneratorOptions): Generator<PlacedRow> {
  let line = 0;
  for (const row of generate(options)) yield { line: ++line, row };
}

/** @throws EnvironmentError `bad_data` if the levels hold fewer different problems */
export function* generate({ count, levels, seed, part }: GeneratorOptions): Generator<GeneratedRow> {
  const [least, most] = levels;
  const choices = templates.flatMap((template) =>
    template.steps.filter((steps) => steps >= least && steps <= most).map((steps) => ({ template, steps })),
  );
  const seen = new Set<string>();
  let failedDraws = 0;
  for (let attempt = 0; seen.size < count; attempt += 1) {
    const draws = new Draws(seed, `problem ${attempt}`);
    const { template, steps } = draws.pick(choices);
    const { solution, answerType, ...drawn } = template.draw(draws, steps);
    if (seen.has(drawn.problem) || partOf(drawn.problem) !== part) {
      failedDraws += 1;
      if (failedDraws > patience) {
        const what = `levels ${least} to ${most} hold only ${seen.size} different problems, not ${count}`;
        throw new EnvironmentError("bad_data", `${what} - generated - ask for fewer, or for more levels`);
      }
      continue;
    }
    failedDraws = 0;
    seen.add(drawn.problem);
    yield {
      ...drawn,
      solution: solution.join("\n"),
      steps: solution.length,
      level: steps,
      answer_type: answerType,
      source: template.name,
    };
  }
}

function partOf(problem: string): GeneratorOptions["part"] {
  return hashFraction(0, `generated ${problem}`) < heldOutShare ? "test" : "train";
}

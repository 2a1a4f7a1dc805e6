// Competition problems in twelve kinds, each with its worked solution, a line a step, and the answer in LaTeX.
// Every problem brings two answers that are wrong and look right: a verifier that compares sloppily accepts one of them.
// Pure: whatever varies comes from the draws. Knows no file and no task.
import type { Draws } from "./draws.ts";

/** A problem as a template makes it. */
export interface Drawn {
  problem: string;
  /** LaTeX without delimiters. */
  answer: string;
  answerType: "integer" | "fraction" | "set" | "interval" | "radical" | "expression" | "tuple";
  /** The worked solution; its length is the number of steps. */
  solution: string[];
  distractors: [string, string];
}

/** A kind of problem with the step counts that it can have. */
export interface Template {
  readonly name: string;
  readonly steps: readonly number[];
  draw(draws: Draws, steps: number): Drawn;
}

export const templates: readonly Template[] = [
  {
    name: "chain",
    steps: [1, 2, 3, 4, 5, 6, 7, 8],
    draw(draws, steps) {
      const start = draws.int(2, 20);
      let value = start;
      const orders: string[] = [];
      const solution: string[] = [];
      for (let step = 0; step < steps; step += 1) {
        const [order, sign, next] = operation(draws, value);
        orders.push(order);
        solution.push(`$${value} ${sign} = ${next}$`);
        value = next;
      }
      const problem = `Start with ${start}. ${orders.join(" Then ")} What number do you get?`;
      return integer(problem, value, solution);
    },
  },
  {
    name: "linear-system",
    steps: [3],
    draw(draws) {
      const [x, y] = [draws.int(-9, 9), draws.int(-9, 9)];
      const [a, b] = [draws.int(1, 6), draws.int(1, 6)];
      const [c, d] = [draws.int(1, 6), -draws.int(1, 6)]; // the determinant ad - bc is below 0
      const [e, f] = [a * x + b * y, c * x + d * y];
      return {
        problem: `Solve $${linear(a, "x", b, "y")} = ${e}$ and $${linear(c, "x", d, "y")} = ${f}$. Give $(x, y)$.`,
        answer: `(${x}, ${y})`,
        answerType: "tuple",
        solution: [
          `The determinant is $${a} \\cdot (${d}) - ${b} \\cdot ${c} = ${a * d - b * c}$.`,
          `$x = \\frac{${e} \\cdot (${d}) - ${b} \\cdot (${f})}{${a * d - b * c}} = ${x}$`,
          `$y = \\frac{${a} \\cdot (${f}) - ${c} \\cdot (${e})}{${a * d - b * c}} = ${y}$`,
        ],
        distractors: [`(${x}, ${y + 1})`, `(${-x - 1}, ${y})`],
      };
    },
  },
  {
    name: "remainder",
    steps: [3],
    draw(draws) {
      const [a, b, c, m] = [draws.int(11, 99), draws.int(11, 99), draws.int(11, 99), draws.int(7, 23)];
      const product = (a % m) * (b % m);
      const value = (a * b + c) % m;
      return integer(`What is the remainder of $${a} \\cdot ${b} + ${c}$ divided by ${m}?`, value, [
        `Modulo ${m}, $${a} \\equiv ${a % m}$ and $${b} \\equiv ${b % m}$.`,
        `Their product is $${product} \\equiv ${product % m}$.`,
        `Adding $${c} \\equiv ${c % m}$ gives ${value}.`,
      ]);
    },
  },
  {
    name: "committee",
    steps: [3],
    draw(draws) {
      const [women, men] = [draws.int(3, 6), draws.int(3, 6)];
      const size = draws.int(2, 3);
      const [all, onlyMen] = [choose(women + men, size), choose(men, size)];
      return integer(
        `A committee of ${size} is chosen from ${women} women and ${men} men. How many committees have at least one woman?`,
        all - onlyMen,
        [
          `There are $\\binom{${women + men}}{${size}} = ${all}$ committees.`,
          `$\\binom{${men}}{${size}} = ${onlyMen}$ of them have only men.`,
          `$${all} - ${onlyMen} = ${all - onlyMen}$`,
        ],
      );
    },
  },
  {
    name: "arithmetic-series",
    steps: [2],
    draw(draws) {
      const [first, step, count] = [draws.int(1, 12), draws.int(2, 9), draws.int(8, 30)];
      const last = first + (count - 1) * step;
      const sum = (count * (first + last)) / 2;
      return integer(
        `An arithmetic sequence begins with ${first}, ${first + step}, ${first + 2 * step}. What is the sum of its first ${count} terms?`,
        sum,
        [
          `Term ${count} is $${first} + ${count - 1} \\cdot ${step} = ${last}$.`,
          `The sum is $\\frac{${count} (${first} + ${last})}{2} = ${sum}$.`,
        ],
      );
    },
  },
  {
    name: "lcm",
    steps: [2],
    draw(draws) {
      const factor = draws.int(2, 9);
      const [a, b] = [factor * draws.int(2, 12), factor * draws.int(2, 12)];
      const common = gcd(a, b);
      return integer(`What is the least common multiple of ${a} and ${b}?`, (a * b) / common, [
        `The greatest common divisor is ${common}.`,
        `$\\frac{${a} \\cdot ${b}}{${common}} = ${(a * b) / common}$`,
      ]);
    },
  },
  {
    name: "two-balls",
    steps: [4],
    draw(draws) {
      const [red, blue] = [draws.int(2, 7), draws.int(2, 7)];
      const all = red + blue;
      const [top, bottom] = [red * (red - 1) + blue * (blue - 1), all * (all - 1)];
      const [reducedTop, reducedBottom] = [top / gcd(top, bottom), bottom / gcd(top, bottom)];
      return {
        problem: `A bag holds ${red} red and ${blue} blue balls. Two are drawn without replacement. What is the probability that they have the same colour? Give a reduced fraction.`,
        answer: `\\frac{${reducedTop}}{${reducedBottom}}`,
        answerType: "fraction",
        solution: [
          `Two red: $\\frac{${red} \\cdot ${red - 1}}{${all} \\cdot ${all - 1}}$.`,
          `Two blue: $\\frac{${blue} \\cdot ${blue - 1}}{${all} \\cdot ${all - 1}}$.`,
          `Together $\\frac{${top}}{${bottom}}$.`,
          `Reduced $\\frac{${reducedTop}}{${reducedBottom}}$.`,
        ],
        distractors: [`\\frac{${reducedBottom}}{${reducedTop}}`, `\\frac{${reducedTop}}{${reducedBottom + 1}}`],
      };
    },
  },
  {
    name: "quadratic",
    steps: [3],
    draw(draws) {
      const smaller = draws.int(-9, 3);
      const larger = smaller + draws.int(1, 9);
      const [sum, product] = [smaller + larger, smaller * larger];
      return {
        problem: `Find all real solutions of $x^2 ${signed(-sum)}x ${signed(product)} = 0$. Give them as a set.`,
        answer: `\\{${smaller}, ${larger}\\}`,
        answerType: "set",
        solution: [
          `Two numbers with the sum ${sum} and the product ${product} are wanted.`,
          `They are ${smaller} and ${larger}.`,
          `So $(x ${signed(-smaller)})(x ${signed(-larger)}) = 0$.`,
        ],
        distractors: [`\\{${smaller}, ${larger + 1}\\}`, `\\{${smaller - 1}, ${larger}\\}`],
      };
    },
  },
  {
    name: "inequality",
    steps: [2],
    draw(draws) {
      const [centre, radius] = [draws.int(-9, 9), draws.int(1, 9)];
      const [low, high] = [centre - radius, centre + radius];
      return {
        problem: `For which real numbers $x$ is $|x ${signed(-centre)}| < ${radius}$? Give an interval.`,
        answer: `(${low}, ${high})`,
        answerType: "interval",
        solution: [`$-${radius} < x ${signed(-centre)} < ${radius}$`, `$${low} < x < ${high}$`],
        distractors: [`[${low}, ${high}]`, `(${low}, ${high + 1})`],
      };
    },
  },
  {
    name: "hypotenuse",
    steps: [3],
    draw(draws) {
      const [a, b] = draws.pick([
        [2, 4],
        [3, 3],
        [3, 6],
        [4, 8],
        [5, 5],
        [2, 6],
        [6, 9],
        [4, 4],
      ] as const);
      const scale = draws.int(1, 12);
      const square = (a * a + b * b) * scale * scale;
      const [outside, inside] = simplified(square);
      return {
        problem: `The legs of a right triangle are ${a * scale} and ${b * scale}. How long is its hypotenuse? Give a simplified radical.`,
        answer: `${outside === 1 ? "" : outside}\\sqrt{${inside}}`,
        answerType: "radical",
        solution: [
          `Its square is $${(a * scale) ** 2} + ${(b * scale) ** 2} = ${square}$.`,
          `$${square} = ${outside ** 2} \\cdot ${inside}$`,
          `So it is $${outside === 1 ? "" : outside}\\sqrt{${inside}}$.`,
        ],
        distractors: [`${outside}`, `${outside + 1}\\sqrt{${inside}}`],
      };
    },
  },
  {
    name: "expand",
    steps: [2],
    draw(draws) {
      const [a, b] = [draws.int(1, 6), nonZero(draws, 9)];
      const [c, d] = [draws.int(1, 6), nonZero(draws, 9)];
      const middle = a * d + b * c;
      const tail = `${middle === 0 ? "" : ` ${signed(middle)}x`} ${signed(b * d)}`;
      return {
        problem: `Expand $(${term(a, "x")} ${signed(b)})(${term(c, "x")} ${signed(d)})$.`,
        answer: `${term(a * c, "x^2")}${tail}`,
        answerType: "expression",
        solution: [
          `The mixed terms are $${a * d}x$ and $${b * c}x$, together $${middle}x$.`,
          `$${term(a * c, "x^2")}${tail}$`,
        ],
        distractors: [`${term(a * c, "x^2")} ${signed(middle + 1)}x ${signed(b * d)}`, `${term(a * c, "x")}${tail}`],
      };
    },
  },
  {
    name: "percent",
    steps: [2],
    draw(draws) {
      const price = 400 * draws.int(1, 9);
      const [up, down] = [5 * draws.int(1, 10), 5 * draws.int(1, 10)];
      const raised = (price * (100 + up)) / 100;
      const [top, bottom] = [raised * (100 - down), 100];
      const scale = gcd(top, bottom);
      const isWhole = bottom === scale;
      const answer = isWhole ? `${top / scale}` : `\\frac{${top / scale}}{${bottom / scale}}`;
      return {
        problem: `A price of ${price} rises by ${up}\\% and then falls by ${down}\\%. What is it then? Give a whole number or a reduced fraction.`,
        answer,
        answerType: isWhole ? "integer" : "fraction",
        solution: [`After the rise it is $${raised}$.`, `After the fall it is $${answer}$.`],
        distractors: [`${price * 3 + up}`, `-${answer}`],
      };
    },
  },
];

/** An order for the chain: in words, as a sign, and what comes of it. */
function operation(draws: Draws, value: number): [order: string, sign: string, next: number] {
  const operand = draws.int(2, 9);
  const kind = Math.abs(value) > 200 ? draws.int(0, 1) : draws.int(0, 2);
  if (kind === 0) return [`Add ${operand}.`, `+ ${operand}`, value + operand];
  if (kind === 1) return [`Subtract ${operand}.`, `- ${operand}`, value - operand];
  return [`Multiply by ${operand}.`, `\\cdot ${operand}`, value * operand];
}

/** Its distractors hold the right digits, or the wrong sign. */
function integer(problem: string, value: number, solution: string[]): Drawn {
  const distractors: [string, string] = [`${value}.5`, value === 0 ? "10" : `${-value}`];
  return { problem, answer: `${value}`, answerType: "integer", solution, distractors };
}

function linear(a: number, x: string, b: number, y: string): string {
  return `${term(a, x)} ${b < 0 ? "-" : "+"} ${term(Math.abs(b), y)}`;
}

function term(factor: number, variable: string): string {
  return `${factor === 1 ? "" : factor}${variable}`;
}

function signed(value: number): string {
  return value < 0 ? `- ${-value}` : `+ ${value}`;
}

function nonZero(draws: Draws, most: number): number {
  return draws.int(1, most) * draws.pick([-1, 1]);
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let at = 1; at <= k; at += 1) ways = (ways * (n - k + at)) / at;
  return ways;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The square root of a number as [factor, what stays under the root]. */
function simplified(square: number): [number, number] {
  let outside = Math.floor(Math.sqrt(square));
  while (square % (outside * outside) !== 0) outside -= 1;
  return [outside, square / (outside * outside)];
}

// Where the tests find a Python with numpy, pandas and scikit-learn: what ITERANT_CODE_PYTHON says, or the environment beside
// the repository's root; else the system's, with its standard library alone, and the tests that need more say so and skip.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const beside = join(root, ".venv-code/bin/python");

export const codePython = process.env.ITERANT_CODE_PYTHON ?? (existsSync(beside) ? beside : "python3");
export const pythonPath = [join(root, "trainer-py")];
export const packages = ["numpy", "pandas", "sklearn"];

const question = `import importlib.util as u; print(all(map(u.find_spec, ${JSON.stringify(packages)})))`;
export const hasPackages = execFileSync(codePython, ["-c", question]).toString().trim() === "True";
export const lacksPackages = `${codePython} lacks one of ${packages.join(", ")}; set ITERANT_CODE_PYTHON to one that has them`;

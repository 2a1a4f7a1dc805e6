// Where the tests find the interpreter with the packages that adapters adapt; null where the set-up has not made it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PythonOptions } from "../../../envs/index.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const local = process.env.ITERANT_ADAPTERS_PYTHON ?? join(root, ".venv-adapters/bin/python");

export const adaptersPython: PythonOptions = {
  python: local,
  pythonPath: [join(root, "trainer-py"), join(root, "test/envs/adapters/fixtures")],
};

/** Skipped aloud: the set-up of the checks makes the environment, so there it never is. */
export const isMissing = !existsSync(local);
if (isMissing) console.warn(`SKIPPED: no ${local}, so no adapter is tried. Run: npm run setup -- adapters`);

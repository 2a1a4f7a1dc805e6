// Where the tests find an interpreter with numpy, pandas and scikit-learn; undefined where there is none.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** @param root the repository's */
export function codePython(root: string): string | undefined {
  const { ITERANT_CODE_PYTHON } = process.env;
  if (ITERANT_CODE_PYTHON) return ITERANT_CODE_PYTHON;
  const local = join(root, ".venv-code/bin/python");
  return existsSync(local) ? local : undefined;
}

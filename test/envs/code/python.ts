// Where the tests find the interpreter that programs and graders run in: numpy, pandas and scikit-learn installed.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PythonOptions } from "../../../envs/index.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

export const codePython: PythonOptions = {
  python: process.env.ITERANT_CODE_PYTHON ?? join(root, ".venv-code/bin/python"),
  pythonPath: [join(root, "trainer-py")],
};

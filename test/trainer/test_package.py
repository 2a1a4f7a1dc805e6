"""The package itself: it imports without pulling in anything heavy."""

import subprocess
import sys


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, iterant; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

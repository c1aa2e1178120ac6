"""Heavy libraries stay out of the service's process."""

import subprocess
import sys

PROGRAM = "import sys, billing.main; print(sorted({'typst', 'babel', 'procrastinate'} & set(sys.modules)))"


def test_service_starts_without_the_typesetter():
    started = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "[]"

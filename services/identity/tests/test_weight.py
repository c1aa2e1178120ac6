"""Heavy libraries stay out of the service's process until somebody needs them."""

import subprocess
import sys

PROGRAM = (
    "import sys, identity.main; print(sorted({'zxcvbn', 'webauthn', 'procrastinate'} & set(sys.modules)))"
)


def test_service_starts_without_what_few_requests_need():
    started = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "[]"

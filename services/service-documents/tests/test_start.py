"""What a process takes that stores its files in a folder and archives nothing."""

import subprocess
import sys

HEAVY = {"boto3", "botocore", "fpdf", "fontTools", "PIL"}


def test_R17_libraries_are_loaded_by_those_who_use_them() -> None:
    """The service is imported by every mesh: without the libraries of S3 and of PDFs."""
    program = f"import sys, service_documents.service; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

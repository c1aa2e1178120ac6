"""The typesetter, a program of its own: the texts of a document in, its PDF out, and its memory gone with it.

Started by path and isolated (`python -I`), so that it costs what Typst costs and nothing of the service.
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

import typst

LAYOUT = Path(__file__).with_name("invoice.typ")
STANDARD: Literal["a-3b"] = "a-3b"
"""PDF/A-3: can be archived, and can carry the e-invoice later."""


def typeset(texts: str, timestamp: int, standard: Literal["a-3b"] | None) -> bytes:
    """The PDF; the same bytes for the same texts and timestamp (seconds since the epoch)."""
    compiler = typst.Compiler(
        LAYOUT.read_bytes(),
        font_paths=typst.Fonts(include_system_fonts=False),  # the same fonts on every machine
        sys_inputs={"document": texts},
    )
    pdf: Any = compiler.compile(format="pdf", pdf_standards=standard, timestamp=timestamp)
    return bytes(pdf)


def main() -> None:
    """Standard input is `{"texts": {…}, "timestamp": …}`, standard output the PDF."""
    order = json.load(sys.stdin)
    texts = json.dumps(order["texts"])
    try:
        pdf = typeset(texts, order["timestamp"], STANDARD)
    except typst.TypstError:
        # The archive format refuses text that no font of ours can show; the buyer gets the document all the same.
        pdf = typeset(texts, order["timestamp"], None)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()

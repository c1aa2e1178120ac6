"""Companies, contacts, leads, deals and their timeline."""

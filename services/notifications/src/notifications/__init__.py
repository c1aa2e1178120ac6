"""In-app inbox and e-mail, fed by facts."""

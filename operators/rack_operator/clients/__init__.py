"""How to speak to each dependency. No decisions here: `desired` says what, `reconcile` says when."""

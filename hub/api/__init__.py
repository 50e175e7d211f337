"""THE COUNTER: questions come in over HTTP with a key; JSON, Arrow and pages that people read go out."""

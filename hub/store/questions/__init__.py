"""QUESTIONS: conditions and orders come in, one query goes out, as documents, pages or columns."""

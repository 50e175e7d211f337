"""THE VISITORS' BOOK: answers that were given come in; who was given what, and how often, goes out."""

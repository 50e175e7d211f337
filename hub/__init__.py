"""Plantwide: a source says something; the hub writes it down, finds out what it is about, and shows it."""

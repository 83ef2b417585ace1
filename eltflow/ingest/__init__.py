"""Ingestion: sources into tables. Here: files, found and fingerprinted."""

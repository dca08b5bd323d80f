"""The pictures of the report and of the pages in docs/results."""

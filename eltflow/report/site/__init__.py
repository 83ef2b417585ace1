"""The docs site: artifacts, history and column lineage → the files of a static site that fetches nothing (docs/reference/docs-site.md).

`chunks` folds the facts into parts that a page loads when it needs them, `site_files` and `single_page` put them beside the program in
`assets/`, which is built from `docs_site/`."""

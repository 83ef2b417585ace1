-- what DuckDB has, and nobody else
select
    1 as id,
    jaro_winkler_similarity('a', 'b') as alike

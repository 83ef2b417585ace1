{% set found = run_query("select jaro_winkler_similarity('a', 'b')") %}
select 1 as id

show dynamic tables like 'T' in schema "DB"."S" ->> select contains("text", '/* eltflow 15ede27323f6b44b */') from $1;
alter dynamic table "DB"."S"."T" refresh;

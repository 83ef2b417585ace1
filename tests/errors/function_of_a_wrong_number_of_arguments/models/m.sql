select substr(name) as s from c

insert into "db"."s"."t" ("id", "v", "j", "b") values
('1', 'it''s \\ a	tab', json_parse('{"a": "x\\\\y"}'), to_varbyte('00ff', 'hex')),
(null, null, null, null);

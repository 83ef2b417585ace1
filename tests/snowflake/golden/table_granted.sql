create transient table "DB"."S"."T" as (
select id, v
from db.s.up
);
select privilege_type, grantee from "DB".information_schema.table_privileges where table_schema = 'S' and table_name = 'T' and privilege_type <> 'OWNERSHIP' order by 1, 2;
revoke select on table "DB"."S"."T" from role "OLD_ROLE";
grant select on table "DB"."S"."T" to role "Other Role";
grant select on table "DB"."S"."T" to role "REPORTER";

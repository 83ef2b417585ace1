create or replace view "DB"."S"."T" as (
select id, v
from db.s.up
);
select privilege_type, grantee from "DB".information_schema.table_privileges where table_schema = 'S' and table_name = 'T' and privilege_type <> 'OWNERSHIP' order by 1, 2;
grant insert on view "DB"."S"."T" to role "LOADER";
revoke select on view "DB"."S"."T" from role "OLD_ROLE";
grant select on view "DB"."S"."T" to role "Other Role";
grant select on view "DB"."S"."T" to role "REPORTER";

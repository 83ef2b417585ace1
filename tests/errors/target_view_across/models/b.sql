{{ config(target='warehouse') }}
select id
from a

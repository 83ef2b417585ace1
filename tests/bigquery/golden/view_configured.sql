create or replace view `my-project`.`s`.`t`
options(expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour), labels = [('team', 'finance'), ('tier', '')]) as (
select id, v
from s.up
);

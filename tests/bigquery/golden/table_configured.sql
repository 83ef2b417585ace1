create or replace table `my-project`.`s`.`t`
partition by timestamp_trunc(`at`, month)
cluster by `v`, `id`
options(expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour), partition_expiration_days = 30, require_partition_filter = true, kms_key_name = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k', labels = [('team', 'finance'), ('tier', '')]) as (
select id, v
from s.up
);

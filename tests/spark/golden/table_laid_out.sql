create table `s`.`t`
using orc
options ('compression' = 'zstd')
partitioned by (`v`)
clustered by (`id`) into 8 buckets
tblproperties ('owner' = 'it\'s ours', 'external.table.purge' = 'true')
as (
select id, v
from s.up
);

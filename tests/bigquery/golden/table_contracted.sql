create or replace table `my-project`.`s`.`t` (
  `id` INT64 not null,
  `v` STRING options(description = 'it'),
  constraint `t_key` primary key (`id`) not enforced,
  foreign key (`v`) references `my-project`.`s`.`up` (`v`) not enforced
)
partition by `day` as (
select `id`, `v` from (
select id, v
from s.up
) as eltflow_contracted
);

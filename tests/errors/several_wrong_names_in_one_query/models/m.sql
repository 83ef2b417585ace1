with a as (
    select amoun, z.id, nosuch(idd) as f from o
)
select amoun, f, g from a

-- Who comes back, and what they will have: "the usual?"
with cups as (
    select
        guest,
        item,
        count(*) as times,
        row_number() over (partition by guest order by count(*) desc, item) as place
    from {{ ref('stg_orders') }}    -- ref() and a plain name mean the same
    where guest is not null
    group by guest, item
),

visits as (
    select
        guest,
        count(distinct order_date) as days,
        {{ money('sum(paid_cents)') }} as spent
    from stg_orders
    where guest is not null
    group by guest
)

select
    visits.guest,
    visits.days,
    visits.spent,
    cups.item as the_usual
from visits
inner join cups on cups.guest = visits.guest and cups.place = 1
where visits.days >= 2
order by visits.days desc, visits.guest

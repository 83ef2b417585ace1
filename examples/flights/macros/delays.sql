{% macro share(condition) -%}
    round(100.0 * count(*) filter (where {{ condition }}) / nullif(count(*), 0), 1)
{%- endmacro %}

{% macro delay_figures() -%}
    {#- The figures by which everything here is judged, the same in every mart. -#}
    count(*) as flights,
    count(*) filter (where outcome = 'cancelled') as cancelled_flights,
    {{ share("outcome = 'cancelled'") }} as cancelled_pct,
    count(*) filter (where is_on_time) as on_time_flights,
    {{ share('is_on_time') }} as on_time_pct,
    round(avg(departure_delay_minutes), 1) as avg_departure_delay,
    round(avg(arrival_delay_minutes), 1) as avg_arrival_delay,
    round(quantile_cont(arrival_delay_minutes, 0.5), 1) as median_arrival_delay,
    round(quantile_cont(arrival_delay_minutes, 0.9), 1) as p90_arrival_delay
{%- endmacro %}

{% macro weather_points() -%}
    {#- Rough, but it ranks hours as a controller would: what closes a runway weighs more than what wets it. -#}
    case when precipitation_inches >= 0.1 then 2 when precipitation_inches > 0 then 1 else 0 end
    + case when visibility_miles < 1 then 3 when visibility_miles < 3 then 2 when visibility_miles < 6 then 1 else 0 end
    + case when gust_mph >= 40 then 2 when greatest(wind_mph, gust_mph) >= 28 then 1 else 0 end
    + case when temperature_f <= 34 and precipitation_inches > 0 then 1 else 0 end
{%- endmacro %}

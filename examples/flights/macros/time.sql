{% macro clock_minutes(column) -%}
    {#- 517 is 5:17; the end of a day is written 2400 and becomes 1440. -#}
    (({{ column }} // 100) * 60 + {{ column }} % 100)
{%- endmacro %}

{% macro minutes_between(earlier, later) -%}
    date_diff('minute', {{ earlier }}, {{ later }})
{%- endmacro %}

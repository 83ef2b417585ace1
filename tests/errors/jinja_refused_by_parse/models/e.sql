{% if true %}select 1{% else %}select 2{% else %}select 3{% endif %}

{% if execute and target.name == 'prod' %}{% set ms = ['card'] %}{% endif %}
select
  {% for m in ms %}1 as {{ m }}{% endfor %}

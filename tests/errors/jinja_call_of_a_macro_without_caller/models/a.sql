select
  {% call twice('x') %}1{% endcall %} as id

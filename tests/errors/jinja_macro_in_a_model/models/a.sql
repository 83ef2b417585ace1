{%- macro cents(column) %}{{ column }} * 100{% endmacro %}
select {{ cents('1') }} as x

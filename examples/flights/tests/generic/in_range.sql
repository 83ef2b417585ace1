{% test in_range(model, column_name, at_least, at_most) %}
-- An empty value is in no range and out of none; not_null is the test for those.
select {{ column_name }}
from {{ model }}
where {{ column_name }} < {{ at_least }} or {{ column_name }} > {{ at_most }}
{% endtest %}

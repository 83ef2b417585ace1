select id
{% for t in ['custmers'] %}
from {{ ref(t) }}
{% endfor %}

{% include 'a.sql' %}

{% from 'a.sql' import x %}
select 1 as x

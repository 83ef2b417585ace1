select {{ ref('d').foo }} {% if 1 + 1 == 2 %} as x {% endif %} 

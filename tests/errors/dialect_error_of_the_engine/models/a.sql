select id // 2 as half
from elsewhere.somewhere

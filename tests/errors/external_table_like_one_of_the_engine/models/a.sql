select id from tab

select id from raw.tab

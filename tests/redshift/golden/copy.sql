copy "db"."s"."t" ("id", "v")
from 's3://bucket/f/'
iam_role default
csv gzip null as 'eltflow:null'
dateformat 'auto' timeformat 'auto' compupdate off statupdate off;
copy "db"."s"."t" ("id", "v")
from 's3://bucket/f/'
iam_role 'arn:aws:iam::1:role/r'
region 'eu-west-1'
csv gzip null as 'eltflow:null'
dateformat 'auto' timeformat 'auto' compupdate off statupdate off;

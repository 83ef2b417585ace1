select z.oid, o.id from o

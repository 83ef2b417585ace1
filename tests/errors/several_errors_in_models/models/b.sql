select {{ nothing }} as id

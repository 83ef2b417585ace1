select {{ f() }} as id

select {{ shop.cent(1) }} as x

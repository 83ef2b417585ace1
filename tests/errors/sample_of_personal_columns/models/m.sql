select email from shop.customers

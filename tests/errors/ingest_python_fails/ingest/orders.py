from eltflow import step

CENTS = {"EUR": 100}


@step(into="raw.orders")
def orders():
    for currency in ("EUR", "JPY"):
        yield {"currency": currency, "cents": CENTS[currency]}

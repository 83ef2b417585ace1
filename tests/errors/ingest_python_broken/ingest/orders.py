from eltflow import step


@step(into="raw.orders")
def orders()
    yield {"id": 1}

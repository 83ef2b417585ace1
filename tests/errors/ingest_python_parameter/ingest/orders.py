from eltflow import step


@step(into="raw.orders")
def orders(since):
    yield {"id": 1}

def score(api_key):
    print("asking with", api_key)
    ask(api_key)


def ask(key):
    raise ConnectionError(f"the model takes no key {key}")

def score():
    return [{"id": 1}]

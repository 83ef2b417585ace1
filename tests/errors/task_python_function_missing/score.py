def score():
    pass
